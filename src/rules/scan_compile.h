/*
 * scan_compile.h
 *		Databases of Vectorscan over patterns.
 *
 * Needs nothing from the server; takes its memory from malloc().
 */
#ifndef HOMEO_SCAN_COMPILE_H
#define HOMEO_SCAN_COMPILE_H

#include <stdbool.h>
#include <stddef.h>

/* A pattern, with a terminator, and what reading it told (syntax.h). */
typedef struct HomeoScanSource
{
	const char *text;
	size_t		len;
	int			unrolled;
	bool		foreign;
} HomeoScanSource;

/*
 * Takes a database, serialised and valid during the call, whose expression i is
 * source numbers[i].  False: it can't.
 */
typedef bool (*HomeoScanEmit) (const int *numbers, int n, const char *bytes,
							   size_t len, void *arg);

/*
 * Compiles so many sources, which takes milliseconds for each and cannot be
 * interrupted, nearly always into one database.  What Vectorscan does not take
 * is in none.  False: emit could not, or there is no memory.
 */
extern bool homeo_scan_compile(const HomeoScanSource *sources, int n,
							   HomeoScanEmit emit, void *arg);

#endif							/* HOMEO_SCAN_COMPILE_H */
