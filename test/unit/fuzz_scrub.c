/*
 * fuzz_scrub.c
 *		Runs the fuzz target for scrub over its corpus.
 */
#include "../fuzz/scrub.c"

#include "mutate.h"

int
main(void)
{
	return mutate_run("scrub", LLVMFuzzerTestOneInput);
}
