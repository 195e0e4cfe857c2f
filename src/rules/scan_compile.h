/*
 * scan_compile.h
 *		A database of Vectorscan over literals.
 *
 * Needs nothing from the server; takes its memory from malloc().
 */
#ifndef HOMEO_SCAN_COMPILE_H
#define HOMEO_SCAN_COMPILE_H

#include <stdbool.h>

#include "base/slice.h"

/* At least one byte. */
typedef struct HomeoScanLiteral
{
	HomeoSlice	bytes;
	bool		caseless;		/* found in any case, as far as ASCII goes */
} HomeoScanLiteral;

/*
 * A serialised database whose expression i is literal i, for
 * the caller to free().  NULL when there is none, and then *problem is why.
 * Takes about 50 us for each literal and cannot be interrupted.
 */
extern char *homeo_scan_compile(const HomeoScanLiteral *literals, int n, size_t *len,
								const char **problem);

#endif							/* HOMEO_SCAN_COMPILE_H */
