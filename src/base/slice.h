/*
 * slice.h
 *		A piece of text that belongs to somebody else.
 *
 * Needs nothing from the server, so that parsers that use it can be built
 * and fuzzed alone.  A slice has no terminator, may hold any bytes, NUL and
 * invalid UTF-8 included, and is valid as long as the text it points into.
 */
#ifndef HOMEO_SLICE_H
#define HOMEO_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct HomeoSlice
{
	const char *data;			/* NULL: absent */
	size_t		len;			/* bytes; 0 when absent */
} HomeoSlice;

/* An empty one is absent. */
static inline HomeoSlice
homeo_slice(const char *data, size_t len)
{
	HomeoSlice	s = {len > 0 ? data : NULL, len};

	return s;
}

static inline bool
homeo_slice_equals(HomeoSlice a, HomeoSlice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

#endif							/* HOMEO_SLICE_H */
