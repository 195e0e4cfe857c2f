/*
 * fuzz_body.c
 *		Runs the fuzz target for a body over its corpus.
 */
#include "../fuzz/body.c"

#include "mutate.h"

int
main(void)
{
	return mutate_run("body", LLVMFuzzerTestOneInput);
}
