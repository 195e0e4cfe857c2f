/*
 * errors.h
 *		SQLSTATEs that only Homeostasis raises.
 *
 * Class HO is not used by the standard or by PostgreSQL.  Whatever a function
 * refuses to whoever called it has a code of this class, even where PostgreSQL
 * has one that would fit: server_log.c does not capture the class, because
 * that somebody mistyped a number is no error of the database.  What should
 * not happen, such as a digest that does not fit, and what a process without
 * the library says, has PostgreSQL's codes.
 */
#ifndef HOMEO_ERRORS_H
#define HOMEO_ERRORS_H

/* An event that breaks the event schema; the message names the field. */
#define ERRCODE_HOMEO_INVALID_EVENT		MAKE_SQLSTATE('H','O','0','0','1')
/* A state machine was asked for a transition that it does not have. */
#define ERRCODE_HOMEO_ILLEGAL_TRANSITION	MAKE_SQLSTATE('H','O','0','0','2')
/* A rule, pack, template, policy or service that cannot be used as it is. */
#define ERRCODE_HOMEO_INVALID_RULE		MAKE_SQLSTATE('H','O','0','0','3')
/* What runs in a dry run would leave something that a rollback leaves, too. */
#define ERRCODE_HOMEO_LASTING_EFFECT		MAKE_SQLSTATE('H','O','0','0','4')
/* There is no issue, patch, template ... of that number or name. */
#define ERRCODE_HOMEO_NOT_FOUND		MAKE_SQLSTATE('H','O','0','0','5')
/* Not in the state that something is in now. */
#define ERRCODE_HOMEO_NOT_NOW		MAKE_SQLSTATE('H','O','0','0','6')
/* An argument that makes no sense, or none. */
#define ERRCODE_HOMEO_INVALID_ARGUMENT	MAKE_SQLSTATE('H','O','0','0','7')
/* A policy, or what the caller is, does not allow it. */
#define ERRCODE_HOMEO_NOT_ALLOWED	MAKE_SQLSTATE('H','O','0','0','8')

#endif							/* HOMEO_ERRORS_H */
