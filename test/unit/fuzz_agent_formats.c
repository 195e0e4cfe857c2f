/*
 * fuzz_agent_formats.c
 *		Runs the fuzz target for the agent's formats over its corpus.
 */
#include "../fuzz/agent_formats.c"

#include "mutate.h"

int
main(void)
{
	return mutate_run("agent_formats", LLVMFuzzerTestOneInput);
}
