/*
 * statement.h
 *		Decides from its parse tree what may be done with a statement.
 */
#ifndef HOMEO_STATEMENT_H
#define HOMEO_STATEMENT_H

#include "nodes/parsenodes.h"

/*
 * Parses text that must be exactly one statement.  Raises the parser's error,
 * or ERRCODE_SYNTAX_ERROR when it is none or several.
 */
extern RawStmt *homeo_statement_parse(const char *sql);

/*
 * Raises ERRCODE_FEATURE_NOT_SUPPORTED unless the statement may be part of a
 * patch, and returns its parse tree.  A patch that is not transactional
 * consists of statements that cannot run in a transaction, any other patch of
 * others.
 */
extern RawStmt *homeo_statement_check_patch(const char *sql,
											bool transactional);

/*
 * Why a captured statement must not be replayed in a transaction of our own,
 * a sentence without full stop, or NULL.
 */
extern const char *homeo_statement_replay_obstacle(RawStmt *statement);

/*
 * Whether a utility statement that something else runs, in a function perhaps,
 * leaves nothing when its transaction is rolled back.
 */
extern bool homeo_statement_stays_inside(Node *statement);

/* Whether it is a statement that the planner sees: SELECT, INSERT ... */
extern bool homeo_statement_is_plannable(RawStmt *statement);

/* Highest number of a parameter $n in a plannable statement; 0: none. */
extern int	homeo_statement_parameters(RawStmt *statement);

/*
 * The tables that it changes or locks as a whole, as a List of RangeVar *;
 * what a plannable statement only reads is not among them.  rows_only: only
 * if the time it takes depends on how many rows they have.
 */
extern List *homeo_statement_tables(RawStmt *statement, bool rows_only);

#endif							/* HOMEO_STATEMENT_H */
