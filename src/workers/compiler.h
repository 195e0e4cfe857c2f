/*
 * compiler.h
 *		The worker that compiles the rules for all processes.
 */
#ifndef HOMEO_COMPILER_H
#define HOMEO_COMPILER_H

extern PGDLLEXPORT void homeo_compiler_main(Datum main_arg);

/*
 * Lets a worker compile the rules of this database if that is due and nobody
 * does it, and waits for its end.  Needs no transaction, and holds no snapshot.
 */
extern void homeo_compiler_once(void);

#endif							/* HOMEO_COMPILER_H */
