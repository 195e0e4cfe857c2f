/*
 * event.h
 *		An error on its way from where it was raised to the tables, and its
 *		form as a record of the ring.
 *
 * A record is a HomeoEventHeader followed, for each field that is present,
 * by a HomeoEventFieldHeader and the bytes, without padding.  Text in a
 * record is in the encoding that the header names and may be invalid in it;
 * homeo_event_decode() gives valid text in the database's encoding.
 *
 * An event that was refused travels as a record too, so that it reaches
 * rejected_events even when its reporter rolls back.  Of such an event only
 * error_type (the field at fault), message (the reason) and metadata (the
 * event as it came) are set.
 */
#ifndef HOMEO_EVENT_H
#define HOMEO_EVENT_H

#include "base/slice.h"
#include "datatype/timestamp.h"
#include "intake/ring.h"
#include "utils/uuid.h"

typedef enum HomeoEventOrigin
{
	HOMEO_ORIGIN_SERVER_LOG,
	HOMEO_ORIGIN_REPORT,
	HOMEO_ORIGIN_INGEST,
	HOMEO_ORIGIN_CHECKUP
} HomeoEventOrigin;

#define HOMEO_ORIGIN_COUNT	(HOMEO_ORIGIN_CHECKUP + 1)

typedef enum HomeoEventLevel
{
	HOMEO_LEVEL_WARNING,
	HOMEO_LEVEL_ERROR,
	HOMEO_LEVEL_FATAL,
	HOMEO_LEVEL_PANIC
} HomeoEventLevel;

#define HOMEO_LEVEL_COUNT	(HOMEO_LEVEL_PANIC + 1)

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

/* What a field holds, and so how it is checked and what becomes of excess. */
typedef enum HomeoFieldKind
{
	HOMEO_FIELD_IS_TEXT,		/* cut at its limit */
	HOMEO_FIELD_IS_NAME,		/* refused beyond its limit */
	HOMEO_FIELD_IS_JSON			/* an object; refused beyond its limit */
} HomeoFieldKind;

typedef struct HomeoFieldInfo
{
	const char *key;			/* in an event given as jsonb */
	const char *column;			/* of homeostasis.errors, NULL: none */
	HomeoFieldKind kind;
	uint32		limit;			/* bytes */
} HomeoFieldInfo;

extern const HomeoFieldInfo homeo_event_fields[HOMEO_FIELD_COUNT];
extern const char *const homeo_event_origins[HOMEO_ORIGIN_COUNT];
extern const char *const homeo_event_levels[HOMEO_LEVEL_COUNT];

/*
 * Events are shared out to the ingest workers by bucket, so that each issue is
 * nearly always one worker's.
 */
#define HOMEO_BUCKETS	16

typedef HomeoSlice HomeoText;

typedef struct HomeoEvent
{
	pg_uuid_t	event_id;
	TimestampTz timestamp;
	TimestampTz received;
	HomeoEventOrigin origin;
	HomeoEventLevel level;
	bool		rejected;		/* see above */
	bool		id_given;		/* by the reporter, who may send it again */
	bool		genuine;		/* the server found it: nobody made it up */
	bool		temporary;		/* the session has temporary objects */
	bool		scrubbed;		/* its texts have no secrets any more */
	Oid			database;		/* InvalidOid: none */
	Oid			role;			/* in force */
	Oid			session_role;
	int32		pid;			/* 0: none */
	TimestampTz session_start;	/* of that process; 0: not known */
	int64		query_id;		/* 0: none */
	int32		encoding;		/* of every text below */
	uint32		truncated;		/* bit per HomeoEventField */
	int32		occurrences;	/* of what the extension itself has counted;
								 * 0: one.  Not in a record. */
	HomeoText text[HOMEO_FIELD_COUNT];
} HomeoEvent;

StaticAssertDecl(HOMEO_FIELD_COUNT <= 32, "a bit per field in 32 bits");

#define HOMEO_RECORD_REJECTED	0x01
#define HOMEO_RECORD_GENUINE	0x02
#define HOMEO_RECORD_TEMPORARY	0x04
#define HOMEO_RECORD_SCRUBBED	0x08
#define HOMEO_RECORD_ID_GIVEN	0x10

/* The start of a record; in the byte order of the machine. */
typedef struct HomeoEventHeader
{
	uint32		magic;
	uint8		origin;
	uint8		level;
	uint8		flags;			/* HOMEO_RECORD_* */
	uint8		nfields;
	pg_uuid_t	event_id;
	int64		timestamp;
	int64		received;
	int64		session_start;
	int64		query_id;
	uint32		database;
	uint32		role;
	uint32		session_role;
	int32		pid;
	int32		encoding;
	uint32		truncated;
} HomeoEventHeader;

typedef struct HomeoEventFieldHeader
{
	uint32		field;
	uint32		len;
} HomeoEventFieldHeader;

/* An encoded event: parts point into this and into the event's texts. */
typedef struct HomeoEventRecord
{
	HomeoEventHeader header;
	HomeoEventFieldHeader fields[HOMEO_FIELD_COUNT];
	HomeoRingPart parts[1 + 2 * HOMEO_FIELD_COUNT];
	int			nparts;
} HomeoEventRecord;

/* Safe inside the log hook. */
extern void homeo_event_set(HomeoEvent *event, HomeoEventField field,
							const char *text, Size len);
extern void homeo_event_set_string(HomeoEvent *event, HomeoEventField field,
								   const char *text);
extern void homeo_event_encode(const HomeoEvent *event,
							   HomeoEventRecord *record);

extern Size homeo_event_record_len(const HomeoEventRecord *record);
extern void homeo_event_record_copy(const HomeoEventRecord *record, char *to);
extern uint32 homeo_event_bucket(const HomeoEvent *event);

extern HomeoText homeo_event_valid_text(HomeoText str, int encoding);
extern const char *homeo_event_decode(const char *data, Size len,
									  HomeoEvent *event);
extern const char *homeo_event_peek(const char *data, Size len,
									HomeoEvent *event);
extern void homeo_event_make_unreadable(HomeoEvent *event,
										const char *problem);
extern bool homeo_event_is_json(HomeoText str);

#endif							/* HOMEO_EVENT_H */
