/*
 * errors.h
 *		SQLSTATEs that only Homeostasis raises.
 *
 * Class HO is not used by the standard or by PostgreSQL.  A condition that
 * PostgreSQL has a code for uses PostgreSQL's.
 */
#ifndef HOMEO_ERRORS_H
#define HOMEO_ERRORS_H

/* An event that breaks the event schema; the message names the field. */
#define ERRCODE_HOMEO_INVALID_EVENT		MAKE_SQLSTATE('H','O','0','0','1')
/* A state machine was asked for a transition that it does not have. */
#define ERRCODE_HOMEO_ILLEGAL_TRANSITION	MAKE_SQLSTATE('H','O','0','0','2')
/* A rule, pack or template that cannot be used as it is. */
#define ERRCODE_HOMEO_INVALID_RULE		MAKE_SQLSTATE('H','O','0','0','3')
/* What runs in a dry run would leave something that a rollback leaves, too. */
#define ERRCODE_HOMEO_LASTING_EFFECT		MAKE_SQLSTATE('H','O','0','0','4')

#endif							/* HOMEO_ERRORS_H */
