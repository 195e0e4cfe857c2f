/*
 * executable.h
 *		Tells the constants of the server's own program from those of
 *		libraries.
 */
#ifndef HOMEO_EXECUTABLE_H
#define HOMEO_EXECUTABLE_H

extern void homeo_executable_init(void);
extern bool homeo_executable_holds(const void *constant);

#endif							/* HOMEO_EXECUTABLE_H */
