/*
 * environment.h
 *		What an event's environment says that rules can ask for.
 */
#ifndef HOMEO_ENVIRONMENT_H
#define HOMEO_ENVIRONMENT_H

#include "rules/match.h"

/*
 * Sets input's framework and platform from the texts that an environment, a
 * JSON object or data NULL, has under these keys; palloc'd.
 */
extern void homeo_environment_read(HomeoSlice environment,
								   HomeoMatchInput *input);

#endif							/* HOMEO_ENVIRONMENT_H */
