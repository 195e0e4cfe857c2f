/*
 * fuzz_agent_json.c
 *		Runs the fuzz target for the agent's JSON over its corpus.
 */
#include "../fuzz/agent_json.c"

#include "mutate.h"

int
main(void)
{
	return mutate_run("agent_json", LLVMFuzzerTestOneInput);
}
