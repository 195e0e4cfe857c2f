/*
 * scan.h
 *		Vectorscan: one scan of a text tells which patterns may match it.
 */
#ifndef HOMEO_SCAN_H
#define HOMEO_SCAN_H

#include "base/slice.h"

typedef void (*HomeoScanVisit) (unsigned int expression, void *arg);

/* The memory that a serialised database needs, or 0: it can't be one. */
extern size_t homeo_scan_size(const char *bytes, size_t len);

/* Puts it there, which is aligned as an image.  False: it is damaged. */
extern bool homeo_scan_place(const char *bytes, size_t len, void *to);

/* Is a database there, which needs no more memory than this? */
extern bool homeo_scan_fits(const void *database, size_t room);

/*
 * Gets ready to scan with a database.  False: this machine can't.  Raises an
 * error when there is no memory.
 */
extern bool homeo_scan_prepare(const void *database);

/*
 * Visits every expression that may match the subject, valid UTF-8.  visit may
 * not raise an error.
 */
extern void homeo_scan_run(const void *database, HomeoSlice subject,
						   HomeoScanVisit visit, void *arg);

#endif							/* HOMEO_SCAN_H */
