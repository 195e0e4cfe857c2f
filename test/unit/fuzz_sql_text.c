/*
 * fuzz_sql_text.c
 *		Runs the fuzz target for sql_text over its corpus.
 */
#include "../fuzz/sql_text.c"

#include "mutate.h"

int
main(void)
{
	return mutate_run("sql_text", LLVMFuzzerTestOneInput);
}
