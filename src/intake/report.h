/*
 * report.h
 *		The SQL functions report(), report_batch() and ingest().
 *
 * SQL is their only caller.
 */
#ifndef HOMEO_REPORT_H
#define HOMEO_REPORT_H

#endif							/* HOMEO_REPORT_H */
