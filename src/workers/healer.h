/*
 * healer.h
 *		The worker that moves issues, patches and deployments on.
 */
#ifndef HOMEO_HEALER_H
#define HOMEO_HEALER_H

extern PGDLLEXPORT void homeo_healer_main(Datum main_arg);

#endif							/* HOMEO_HEALER_H */
