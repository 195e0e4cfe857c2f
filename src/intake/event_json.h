/*
 * event_json.h
 *		An event as its reporter writes it: a jsonb object.
 */
#ifndef HOMEO_EVENT_JSON_H
#define HOMEO_EVENT_JSON_H

#include "intake/event.h"
#include "lib/stringinfo.h"
#include "utils/jsonb.h"
#include "wire/event.h"

/* Objects and arrays may be nested this deep in an event. */
#define HOMEO_EVENT_MAX_DEPTH	HOMEO_WIRE_MAX_DEPTH

/* Why an event was refused.  Strings are palloc'd or constant. */
typedef struct HomeoEventProblem
{
	const char *field;			/* key at fault; NULL: the event itself */
	const char *reason;			/* e.g. "must be a string" */
	const char *hint;			/* a sentence with the remedy */
} HomeoEventProblem;

/* The parts of homeo_event_json_read(), for whoever has no jsonb. */
extern void homeo_event_json_begin(HomeoEvent *event, HomeoEventOrigin origin);
extern HomeoEventField homeo_event_json_field(HomeoSlice key);
extern bool homeo_event_json_read_pair(HomeoSlice key, const JsonbValue *value,
									   HomeoEvent *event,
									   HomeoEventProblem *problem);
extern void homeo_event_json_set_stack(HomeoEvent *event, const char *str,
									   Size len);

extern bool homeo_event_json_read(JsonbContainer *object,
								  HomeoEventOrigin origin, HomeoEvent *event,
								  HomeoEventProblem *problem);
extern void homeo_event_json_raise(const HomeoEventProblem *problem);
extern void homeo_event_reject(HomeoText original, HomeoEventOrigin origin,
							   const HomeoEventProblem *problem,
							   HomeoEvent *event);
extern void homeo_event_json_reject(JsonbValue *value,
									HomeoEventOrigin origin,
									const HomeoEventProblem *problem,
									HomeoEvent *event);

extern void homeo_event_json_write(const HomeoEvent *event, StringInfo out);

#endif							/* HOMEO_EVENT_JSON_H */
