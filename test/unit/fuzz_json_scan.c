/*
 * fuzz_json_scan.c
 *		Runs the fuzz target for the scanner of plain JSON over its corpus.
 */
#include "../fuzz/json_scan.c"

#include "mutate.h"

int
main(void)
{
	return mutate_run("json_scan", LLVMFuzzerTestOneInput);
}
