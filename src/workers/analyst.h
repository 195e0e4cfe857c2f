/*
 * analyst.h
 *		Workers that analyse what is stored anew, after analyze().
 */
#ifndef HOMEO_ANALYST_H
#define HOMEO_ANALYST_H

extern PGDLLEXPORT void homeo_analyst_main(Datum main_arg);

/*
 * Starts those that are wanted and do not run, as far as there is room.  The
 * healer calls it, outside of transactions.
 */
extern void homeo_analyst_start(void);

#endif							/* HOMEO_ANALYST_H */
