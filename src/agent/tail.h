/*
 * tail.h
 *		The command `homeostasis-agent tail`.
 */
#ifndef HOMEO_AGENT_TAIL_H
#define HOMEO_AGENT_TAIL_H

/* Runs it with its name and arguments; returns the program's status. */
extern int	agent_tail(int argc, char **argv);

#endif							/* HOMEO_AGENT_TAIL_H */
