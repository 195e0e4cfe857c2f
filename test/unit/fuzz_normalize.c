/*
 * fuzz_normalize.c
 *		Runs the fuzz target for normalize over its corpus.
 */
#include "../fuzz/normalize.c"

#include "mutate.h"

int
main(void)
{
	return mutate_run("normalize", LLVMFuzzerTestOneInput);
}
