/*
 * launcher.h
 *		The worker that keeps the others running.
 */
#ifndef HOMEO_LAUNCHER_H
#define HOMEO_LAUNCHER_H

/* Registers the launcher; from _PG_init only. */
extern void homeo_launcher_init(void);

extern PGDLLEXPORT void homeo_launcher_main(Datum main_arg);

#endif							/* HOMEO_LAUNCHER_H */
