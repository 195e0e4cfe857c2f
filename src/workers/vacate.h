/*
 * vacate.h
 *		Makes the workers leave a database that must be free of sessions.
 */
#ifndef HOMEO_VACATE_H
#define HOMEO_VACATE_H

/* Installs the hook; from _PG_init only. */
extern void homeo_vacate_init(void);

#endif							/* HOMEO_VACATE_H */
