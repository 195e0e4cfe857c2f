/*
 * fuzz_backtrack.c
 *		Runs the fuzz target for backtrack over its corpus.
 */
#include "../fuzz/backtrack.c"

#include "mutate.h"

int
main(void)
{
	return mutate_run("backtrack", LLVMFuzzerTestOneInput);
}
