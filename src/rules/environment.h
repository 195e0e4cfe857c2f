/*
 * environment.h
 *		What the environment of an event names.
 */
#ifndef HOMEO_ENVIRONMENT_H
#define HOMEO_ENVIRONMENT_H

#include "base/slice.h"

/*
 * The frameworks and the platforms that an environment names, a JSON object or
 * data NULL: in small letters, one a line, palloc'd; data NULL: none.  What is
 * NULL isn't asked for.
 */
extern void homeo_environment_read(HomeoSlice environment,
								   HomeoSlice *frameworks,
								   HomeoSlice *platforms);

#endif							/* HOMEO_ENVIRONMENT_H */
