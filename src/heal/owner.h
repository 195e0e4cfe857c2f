/*
 * owner.h
 *		Makes sure that what a patch uses still belongs to whom it runs as.
 */
#ifndef HOMEO_OWNER_H
#define HOMEO_OWNER_H

#include "nodes/parsenodes.h"

/*
 * Raises ERRCODE_INSUFFICIENT_PRIVILEGE if an analysed statement names a
 * relation whose owner is neither the current user, nor a role that he has the
 * privileges of, nor a superuser.  The relations are locked by the analysis,
 * so none is replaced before the statement runs.
 */
extern void homeo_owner_check(Query *query);

#endif							/* HOMEO_OWNER_H */
