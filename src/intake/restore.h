/*
 * restore.h
 *		Restoring a dump of homeostasis.errors.
 */
#ifndef HOMEO_RESTORE_H
#define HOMEO_RESTORE_H

/* Called from _PG_init. */
extern void homeo_restore_init(void);

#endif							/* HOMEO_RESTORE_H */
