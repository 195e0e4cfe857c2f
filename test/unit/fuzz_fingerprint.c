/*
 * fuzz_fingerprint.c
 *		Runs the fuzz target for fingerprint over its corpus.
 */
#include "../fuzz/fingerprint.c"

#include "mutate.h"

int
main(void)
{
	return mutate_run("fingerprint", LLVMFuzzerTestOneInput);
}
