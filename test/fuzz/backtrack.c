/*
 * backtrack.c
 *		Fuzz target for homeo_backtrack_find().
 *
 * The input is a pattern, or none; what is found lies in it.
 */
#include "rules/backtrack.h"

#include "check.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	HomeoSlice	pattern = {(const char *) data, size};
	HomeoBacktrack found;

	found = homeo_backtrack_find(pattern);
	if (found.kind == HOMEO_BACKTRACK_NONE)
		CHECK(found.offset == 0);
	else
		CHECK(found.offset >= 0 && (size_t) found.offset < size);
	return 0;
}
