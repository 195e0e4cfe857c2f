/*
 * owner.h
 *		Makes sure that what a patch uses still belongs to whom it runs as.
 */
#ifndef HOMEO_OWNER_H
#define HOMEO_OWNER_H

#include "nodes/parsenodes.h"

/*
 * Raises ERRCODE_INSUFFICIENT_PRIVILEGE if a statement reads, writes or copies
 * a relation whose owner is neither the current user, nor a role that he has
 * the privileges of, nor a superuser.  The relations stay locked, so that none
 * is replaced before the statement runs.  Returns the analysed statement, or
 * NULL if the planner does not see it.
 */
extern Query *homeo_owner_check(RawStmt *statement, const char *sql);

#endif							/* HOMEO_OWNER_H */
