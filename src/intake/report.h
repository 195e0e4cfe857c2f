/*
 * report.h
 *		The SQL functions report(), report_batch() and ingest().
 *
 * SQL calls them; copy.c shares what it does like ingest().
 */
#ifndef HOMEO_REPORT_H
#define HOMEO_REPORT_H

#include "intake/event.h"

extern void homeo_report_sign(HomeoEvent *event);
extern void homeo_report_defer_audit(void);

#endif							/* HOMEO_REPORT_H */
