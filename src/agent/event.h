/*
 * event.h
 *		What a record of a log says, and the event that it becomes.
 */
#ifndef HOMEO_AGENT_EVENT_H
#define HOMEO_AGENT_EVENT_H

#include "agent/buffer.h"
#include "agent/level.h"
#include "agent/timestamp.h"

typedef enum HomeoLogField
{
	HOMEO_LOG_TYPE,
	HOMEO_LOG_MESSAGE,
	HOMEO_LOG_STACK,
	HOMEO_LOG_LANGUAGE,
	HOMEO_LOG_SERVICE,
	HOMEO_LOG_RELEASE,
	HOMEO_LOG_SQLSTATE,
	HOMEO_LOG_DETAIL,
	HOMEO_LOG_HINT,
	HOMEO_LOG_CONTEXT,
	HOMEO_LOG_STATEMENT,
	HOMEO_LOG_DATABASE,
	HOMEO_LOG_ROLE,
	HOMEO_LOG_APPLICATION,
	HOMEO_LOG_FIELDS
} HomeoLogField;

/* Filled by a format's parser; used again for the next record. */
typedef struct HomeoLogEvent
{
	HomeoBuffer text[HOMEO_LOG_FIELDS]; /* empty: not known */
	HomeoBuffer metadata;		/* "key":value,"key":value, valid JSON */
	size_t		metadata_length;	/* as a jsonb writes it */
	HomeoBuffer id;				/* its own; empty: its place is its id */
	HomeoLevel	level;
	HomeoTimestamp timestamp;
} HomeoLogEvent;

/* What every event of the program has, and where one comes from. */
typedef struct HomeoEventOrigin
{
	const char *service;		/* NULL: leave it to the server */
	const char *language;		/* NULL: what the record says */
	const char *release;		/* NULL: what the record says */
	const char *environment;	/* "key":value,...: valid JSON, or NULL */
	const char *host;
	const char *file;
	const char *id;				/* of the record */
	int64_t		offset;			/* of the record in its file */
	int64_t		asof;			/* microseconds since 1970 */
} HomeoEventOrigin;

extern void agent_event_clear(HomeoLogEvent *event);
extern void agent_event_free(HomeoLogEvent *event);
extern void agent_event_set(HomeoLogEvent *event, HomeoLogField field,
							HomeoSpan text);

/* Adds a value that is valid JSON under a key of the metadata, if it fits. */
extern void agent_event_note(HomeoLogEvent *event, HomeoSpan key,
							 HomeoSpan value);
extern void agent_event_note_text(HomeoLogEvent *event, const char *key,
								  HomeoSpan text);

/* Adds the event as a JSON object. */
extern void agent_event_write(const HomeoLogEvent *event,
							  const HomeoEventOrigin *origin,
							  HomeoBuffer *out);

#endif							/* HOMEO_AGENT_EVENT_H */
