/*
 * event.h
 *		An error on its way from where it was raised to the tables, and its
 *		form as a record of the ring.
 *
 * A record is a HomeoEventHeader followed, for each field that is present,
 * by a HomeoEventFieldHeader and the bytes, without padding.  Text in a
 * record is in the encoding that the header names and may be invalid in it;
 * homeo_event_decode() gives valid text in the database's encoding.
 */
#ifndef HOMEO_EVENT_H
#define HOMEO_EVENT_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

typedef enum HomeoEventOrigin
{
	HOMEO_ORIGIN_SERVER_LOG,
	HOMEO_ORIGIN_REPORT,
	HOMEO_ORIGIN_INGEST,
	HOMEO_ORIGIN_CHECKUP
} HomeoEventOrigin;

typedef enum HomeoEventLevel
{
	HOMEO_LEVEL_WARNING,
	HOMEO_LEVEL_ERROR,
	HOMEO_LEVEL_FATAL,
	HOMEO_LEVEL_PANIC
} HomeoEventLevel;

/* Order is the order in a record; names and limits are in event.c. */
typedef enum HomeoEventField
{
	HOMEO_FIELD_SERVICE,		/* service name, reports only */
	HOMEO_FIELD_LANGUAGE,
	HOMEO_FIELD_ERROR_TYPE,
	HOMEO_FIELD_SQLSTATE,
	HOMEO_FIELD_MESSAGE,
	HOMEO_FIELD_DETAIL,
	HOMEO_FIELD_HINT,
	HOMEO_FIELD_CONTEXT,
	HOMEO_FIELD_STATEMENT,
	HOMEO_FIELD_STACK,			/* one frame a line */
	HOMEO_FIELD_DATABASE,
	HOMEO_FIELD_ROLE,
	HOMEO_FIELD_SESSION_ROLE,
	HOMEO_FIELD_APPLICATION,
	HOMEO_FIELD_SEARCH_PATH,
	HOMEO_FIELD_SCHEMA,
	HOMEO_FIELD_TABLE,
	HOMEO_FIELD_COLUMN,
	HOMEO_FIELD_CONSTRAINT,
	HOMEO_FIELD_DATATYPE,
	HOMEO_FIELD_RELEASE,
	HOMEO_FIELD_ENVIRONMENT,	/* JSON text */
	HOMEO_FIELD_CLASSIFICATION, /* JSON text */
	HOMEO_FIELD_METADATA,		/* JSON text */
	HOMEO_FIELD_COUNT
} HomeoEventField;

typedef struct HomeoText
{
	const char *data;			/* NULL: absent */
	uint32		len;
} HomeoText;

typedef struct HomeoEvent
{
	pg_uuid_t	event_id;
	TimestampTz timestamp;
	HomeoEventOrigin origin;
	HomeoEventLevel level;
	Oid			database;		/* InvalidOid: none */
	Oid			role;			/* in force */
	Oid			session_role;
	int32		pid;
	int64		query_id;
	int32		encoding;		/* of every text below */
	uint32		truncated;		/* bit per HomeoEventField */
	HomeoText	text[HOMEO_FIELD_COUNT];
} HomeoEvent;

#endif							/* HOMEO_EVENT_H */
