/*
 * sqlstate.h
 *		Names of the server's error conditions.
 */
#ifndef HOMEO_SQLSTATE_H
#define HOMEO_SQLSTATE_H

/*
 * The name of a condition as PL/pgSQL knows it, such as unique_violation,
 * or NULL.  sqlstate has five characters and needs no terminator.
 */
extern const char *homeo_sqlstate_name(const char *sqlstate);

#endif							/* HOMEO_SQLSTATE_H */
