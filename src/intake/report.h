/*
 * report.h
 *		The SQL functions report(), report_batch() and ingest().
 *
 * SQL is their only caller.
 */
#ifndef HOMEO_REPORT_H
#define HOMEO_REPORT_H

/* What report() says when there is no room; the log hook leaves it out. */
#define HOMEO_REPORT_FULL	"the ring of events is full"

#endif							/* HOMEO_REPORT_H */
