/*
 * fields.h
 *		What the keys mean that structured loggers use.
 */
#ifndef HOMEO_AGENT_FIELDS_H
#define HOMEO_AGENT_FIELDS_H

#include "agent/event.h"

/*
 * Takes one pair of a structured record; key may be a path, as in
 * "error.message".  False: the key means nothing, and is for the metadata.
 */
extern bool agent_fields_take(HomeoLogEvent *event, HomeoSpan key,
							  HomeoSpan text, int64_t asof);

/* After the last pair: finds in the texts what no key said. */
extern void agent_fields_finish(HomeoLogEvent *event, int64_t asof);

#endif							/* HOMEO_AGENT_FIELDS_H */
