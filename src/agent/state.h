/*
 * state.h
 *		The state file: what is known of each stream, between runs.
 */
#ifndef HOMEO_AGENT_STATE_H
#define HOMEO_AGENT_STATE_H

#include "agent/stream.h"

/*
 * Makes the streams of the state file in directory; *found says whether there
 * was one.  One that is damaged is put aside, said, and taken for none.  Ends
 * the program if it cannot be read.
 */
extern HomeoStream *agent_state_load(const char *directory, bool *found);

/*
 * Replaces the state file, and marks the streams as saved.  Durable when it
 * returns true; false is said.
 */
extern bool agent_state_save(const char *directory, HomeoStream *streams);

#endif							/* HOMEO_AGENT_STATE_H */
