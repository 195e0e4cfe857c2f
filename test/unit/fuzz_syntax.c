/*
 * fuzz_syntax.c
 *		Runs the fuzz target for syntax over its corpus.
 */
#include "../fuzz/syntax.c"

#include "mutate.h"

int
main(void)
{
	return mutate_run("syntax", LLVMFuzzerTestOneInput);
}
