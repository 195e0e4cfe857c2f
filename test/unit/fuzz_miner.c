/*
 * fuzz_miner.c
 *		Runs the fuzz target for miner over its corpus.
 */
#include "../fuzz/miner.c"

#include "mutate.h"

int
main(void)
{
	return mutate_run("miner", LLVMFuzzerTestOneInput);
}
