/*
 * guard.h
 *		Keeps what runs in a sandbox from leaving something that a rollback does
 *		not undo, and from running others' code as a superuser.
 */
#ifndef HOMEO_GUARD_H
#define HOMEO_GUARD_H

/* What is refused while they are in force; bits of a set. */
#define HOMEO_GUARD_EFFECTS		0x1 /* lasting effects of whatever runs */
#define HOMEO_GUARD_SUPERUSER	0x2 /* functions of others, run as a superuser */

/*
 * Puts guards in force and returns those that were, for the caller to put
 * back, also after an error.  Forgets the breach and what was permitted.
 */
extern int	homeo_guard_set(int guards);

/* Lets setval() pass: its sequences were contained (effects.h), or it may stay. */
extern void homeo_guard_permit_setval(void);

/* Lets pg_drop_replication_slot() pass: somebody approved a patch that may. */
extern void homeo_guard_permit_slot_drop(void);

/*
 * What was refused first since homeo_guard_set() put guards in force, as in
 * "calls f(), which may leave what a rollback does not undo"; NULL: nothing.
 *  It did not happen, but what tried it may have caught the error and
 * gone on, so that its result means nothing.
 */
extern const char *homeo_guard_breach(void);

#endif							/* HOMEO_GUARD_H */
