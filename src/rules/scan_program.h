/*
 * scan_program.h
 *		Compiles patterns in a process of their own.
 */
#ifndef HOMEO_SCAN_PROGRAM_H
#define HOMEO_SCAN_PROGRAM_H

#include "nodes/pg_list.h"
#include "rules/scan_compile.h"

/*
 * A HomeoImageCompile that has homeostasis-compile do it, and can be
 * interrupted.  When that fails there are no databases, and *arg, a const char **, is
 * why, palloc'd.
 */
extern List *homeo_scan_program_compile(const HomeoScanSource *sources, int n,
										void *arg);

#endif							/* HOMEO_SCAN_PROGRAM_H */
