/*
 * program.h
 *		Runs a program for a worker or a session, which stays interruptible.
 */
#ifndef HOMEO_PROGRAM_H
#define HOMEO_PROGRAM_H

#include "lib/stringinfo.h"

/*
 * Runs the program at that path, which gets so many bytes as its standard input
 * and no arguments; what it writes to its standard output is appended to output,
 * at most limit bytes.  NULL when it ended with status 0, else why not, palloc'd.
 * It is killed when this is interrupted.  What it writes to its standard error
 * goes where the server's does.
 */
extern char *homeo_program_run(const char *path, const char *input, Size len,
							   StringInfo output, Size limit);

#endif							/* HOMEO_PROGRAM_H */
