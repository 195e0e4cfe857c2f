/*
 * fuzz_stacktrace.c
 *		Runs the fuzz target for stacktrace over its corpus.
 */
#include "../fuzz/stacktrace.c"

#include "mutate.h"

int
main(void)
{
	return mutate_run("stacktrace", LLVMFuzzerTestOneInput);
}
