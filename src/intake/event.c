/*
 * event.c
 *		The fields of an event, and their way into a record and out of it.
 *
 * homeo_event_set*() and homeo_event_encode() run inside the log hook: they
 * allocate nothing, raise nothing and look at nothing but their arguments.
 * homeo_event_decode() is for the consumer, in a transaction, and trusts no
 * byte of the record.
 */
#include "postgres.h"

#include "intake/event.h"

#include <ctype.h>

#include "base/compat.h"
#include "catalog/namespace.h"
#include "common/jsonapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/timestamp.h"
#include "wire/event.h"

/* Changes with the layout: a journal may outlive the module that wrote it. */
#define RECORD_MAGIC	0x484f4d32

const HomeoFieldInfo homeo_event_fields[HOMEO_FIELD_COUNT] = {
	[HOMEO_FIELD_SERVICE] = {HOMEO_WIRE_SERVICE, NULL, HOMEO_FIELD_IS_NAME, HOMEO_WIRE_SERVICE_LIMIT},
	[HOMEO_FIELD_LANGUAGE] = {HOMEO_WIRE_LANGUAGE, "language", HOMEO_FIELD_IS_NAME, HOMEO_WIRE_LANGUAGE_LIMIT},
	[HOMEO_FIELD_ERROR_TYPE] = {HOMEO_WIRE_ERROR_TYPE, "error_type", HOMEO_FIELD_IS_TEXT, HOMEO_WIRE_NAME_LIMIT},
	[HOMEO_FIELD_SQLSTATE] = {HOMEO_WIRE_SQLSTATE, "sqlstate", HOMEO_FIELD_IS_NAME, HOMEO_WIRE_SQLSTATE_LIMIT},
	[HOMEO_FIELD_MESSAGE] = {HOMEO_WIRE_MESSAGE, "message", HOMEO_FIELD_IS_TEXT, HOMEO_WIRE_MESSAGE_LIMIT},
	[HOMEO_FIELD_DETAIL] = {HOMEO_WIRE_DETAIL, "detail", HOMEO_FIELD_IS_TEXT, HOMEO_WIRE_TEXT_LIMIT},
	[HOMEO_FIELD_HINT] = {HOMEO_WIRE_HINT, "hint", HOMEO_FIELD_IS_TEXT, HOMEO_WIRE_TEXT_LIMIT},
	[HOMEO_FIELD_CONTEXT] = {HOMEO_WIRE_CONTEXT, "context", HOMEO_FIELD_IS_TEXT, HOMEO_WIRE_TEXT_LIMIT},
	[HOMEO_FIELD_STATEMENT] = {HOMEO_WIRE_STATEMENT, "statement", HOMEO_FIELD_IS_TEXT, HOMEO_WIRE_TEXT_LIMIT},
	[HOMEO_FIELD_STACK] = {HOMEO_WIRE_STACK, "stack_trace", HOMEO_FIELD_IS_TEXT, HOMEO_WIRE_STACK_LIMIT},
	[HOMEO_FIELD_DATABASE] = {HOMEO_WIRE_DATABASE, "database_name", HOMEO_FIELD_IS_NAME, NAMEDATALEN - 1},
	[HOMEO_FIELD_ROLE] = {HOMEO_WIRE_ROLE, "role_name", HOMEO_FIELD_IS_TEXT, HOMEO_WIRE_NAME_LIMIT},
	[HOMEO_FIELD_SESSION_ROLE] = {"session_role", "session_role_name", HOMEO_FIELD_IS_TEXT, HOMEO_WIRE_NAME_LIMIT},
	[HOMEO_FIELD_APPLICATION] = {HOMEO_WIRE_APPLICATION, "application_name", HOMEO_FIELD_IS_TEXT, HOMEO_WIRE_NAME_LIMIT},
	[HOMEO_FIELD_SEARCH_PATH] = {HOMEO_WIRE_SEARCH_PATH, "search_path", HOMEO_FIELD_IS_TEXT, 1024},
	[HOMEO_FIELD_SCHEMA] = {HOMEO_WIRE_SCHEMA, "schema_name", HOMEO_FIELD_IS_TEXT, HOMEO_WIRE_NAME_LIMIT},
	[HOMEO_FIELD_TABLE] = {HOMEO_WIRE_TABLE, "table_name", HOMEO_FIELD_IS_TEXT, HOMEO_WIRE_NAME_LIMIT},
	[HOMEO_FIELD_COLUMN] = {HOMEO_WIRE_COLUMN, "column_name", HOMEO_FIELD_IS_TEXT, HOMEO_WIRE_NAME_LIMIT},
	[HOMEO_FIELD_CONSTRAINT] = {HOMEO_WIRE_CONSTRAINT, "constraint_name", HOMEO_FIELD_IS_TEXT, HOMEO_WIRE_NAME_LIMIT},
	[HOMEO_FIELD_DATATYPE] = {HOMEO_WIRE_DATATYPE, "datatype_name", HOMEO_FIELD_IS_TEXT, HOMEO_WIRE_NAME_LIMIT},
	[HOMEO_FIELD_RELEASE] = {HOMEO_WIRE_RELEASE, "release", HOMEO_FIELD_IS_TEXT, HOMEO_WIRE_NAME_LIMIT},
	[HOMEO_FIELD_ENVIRONMENT] = {HOMEO_WIRE_ENVIRONMENT, "environment", HOMEO_FIELD_IS_JSON, HOMEO_WIRE_JSON_LIMIT},
	[HOMEO_FIELD_CLASSIFICATION] = {HOMEO_WIRE_CLASSIFICATION, "classification", HOMEO_FIELD_IS_JSON, HOMEO_WIRE_JSON_LIMIT},
	[HOMEO_FIELD_METADATA] = {HOMEO_WIRE_METADATA, "metadata", HOMEO_FIELD_IS_JSON, HOMEO_WIRE_JSON_LIMIT}
};

const char *const homeo_event_origins[HOMEO_ORIGIN_COUNT] = {
	[HOMEO_ORIGIN_SERVER_LOG] = "server_log",
	[HOMEO_ORIGIN_REPORT] = "report",
	[HOMEO_ORIGIN_INGEST] = "ingest",
	[HOMEO_ORIGIN_CHECKUP] = "checkup"
};

const char *const homeo_event_levels[HOMEO_LEVEL_COUNT] = {
	[HOMEO_LEVEL_WARNING] = "warning",
	[HOMEO_LEVEL_ERROR] = "error",
	[HOMEO_LEVEL_FATAL] = "fatal",
	[HOMEO_LEVEL_PANIC] = "panic"
};

/*
 * Sets a field to len bytes of text, which must live as long as the event
 * and hold no NUL.  Beyond the field's limit it is cut before the character,
 * in event->encoding, that doesn't fit, and marked as truncated.
 */
void
homeo_event_set(HomeoEvent *event, HomeoEventField field,
				const char *str, Size len)
{
	Size		limit = homeo_event_fields[field].limit;

	if (len > limit)
	{
		/* Invalid text may make the last character seem to end behind. */
		int			clipped = pg_encoding_mbcliplen(event->encoding, str,
													(int) limit + 4,
													(int) limit);

		len = Min((Size) clipped, limit);
		event->truncated |= (uint32) 1 << field;
	}
	event->text[field].data = str;
	event->text[field].len = len;
}

/* The same for a string with a terminator; NULL and empty are absent. */
void
homeo_event_set_string(HomeoEvent *event, HomeoEventField field,
					   const char *str)
{
	if (str == NULL || str[0] == '\0')
		return;
	/* A few bytes more than the limit are enough to know that it is cut. */
	homeo_event_set(event, field, str,
					strnlen(str, homeo_event_fields[field].limit + 4));
}

static uint32
hash_bytes(uint32 hash, const char *bytes, Size len)
{
	for (Size i = 0; i < len; i++)
		hash = (hash ^ (unsigned char) bytes[i]) * 16777619;
	return hash;
}

/*
 * The bucket of an event, from 0 to HOMEO_BUCKETS - 1, by what does not vary
 * within an issue: its type and place, and the words that its message begins
 * with.  A rough fingerprint, for those who have no time for a real one: two
 * events of an issue in two buckets cost a wait and do no harm.  (The hash is
 * FNV-1a.)  Safe inside the log hook.
 */
uint32
homeo_event_bucket(const HomeoEvent *event)
{
	static const HomeoEventField fields[] = {
		HOMEO_FIELD_SERVICE, HOMEO_FIELD_ERROR_TYPE, HOMEO_FIELD_SQLSTATE,
		HOMEO_FIELD_SCHEMA, HOMEO_FIELD_TABLE, HOMEO_FIELD_CONSTRAINT
	};
	const HomeoText *message = &event->text[HOMEO_FIELD_MESSAGE];
	Size		words = 0;
	uint32		hash = 2166136261;

	for (int i = 0; i < lengthof(fields); i++)
		hash = hash_bytes(hash, event->text[fields[i]].data,
						  event->text[fields[i]].len);
	while (words < Min(message->len, 64) &&
		   (message->data[words] == ' ' ||
			isalpha((unsigned char) message->data[words])))
		words++;
	hash = hash_bytes(hash, message->data, words);
	return (hash ^ hash >> 16) % HOMEO_BUCKETS;
}

/*
 * Makes a record of event.  Nothing is copied: the parts are valid as long
 * as record and the event's texts are.
 */
void
homeo_event_encode(const HomeoEvent *event, HomeoEventRecord *record)
{
	HomeoRingPart *part = record->parts;
	int			nfields = 0;

	for (int i = 0; i < HOMEO_FIELD_COUNT; i++)
	{
		HomeoEventFieldHeader *field = &record->fields[nfields];

		if (event->text[i].data == NULL)
			continue;
		field->field = i;
		field->len = (uint32) event->text[i].len;
		part[1].data = field;
		part[1].len = sizeof(*field);
		part[2].data = event->text[i].data;
		part[2].len = event->text[i].len;
		part += 2;
		nfields++;
	}

	record->header.magic = RECORD_MAGIC;
	record->header.origin = event->origin;
	record->header.level = event->level;
	record->header.flags =
		(event->rejected ? HOMEO_RECORD_REJECTED : 0) |
		(event->genuine ? HOMEO_RECORD_GENUINE : 0) |
		(event->temporary ? HOMEO_RECORD_TEMPORARY : 0) |
		(event->scrubbed ? HOMEO_RECORD_SCRUBBED : 0) |
		(event->id_given ? HOMEO_RECORD_ID_GIVEN : 0);
	record->header.nfields = nfields;
	record->header.event_id = event->event_id;
	record->header.timestamp = event->timestamp;
	record->header.received = event->received;
	record->header.session_start = event->session_start;
	record->header.query_id = event->query_id;
	record->header.database = event->database;
	record->header.role = event->role;
	record->header.session_role = event->session_role;
	record->header.pid = event->pid;
	record->header.encoding = event->encoding;
	record->header.truncated = event->truncated;
	record->parts[0].data = &record->header;
	record->parts[0].len = sizeof(record->header);
	record->nparts = 1 + 2 * nfields;
}

Size
homeo_event_record_len(const HomeoEventRecord *record)
{
	Size		len = 0;

	for (int i = 0; i < record->nparts; i++)
		len += record->parts[i].len;
	return len;
}

/* Makes one piece of the record, of homeo_event_record_len() bytes. */
void
homeo_event_record_copy(const HomeoEventRecord *record, char *to)
{
	for (int i = 0; i < record->nparts; i++)
	{
		memcpy(to, record->parts[i].data, record->parts[i].len);
		to += record->parts[i].len;
	}
}

/* Appends bytes that stand for no character as \xNN; leaves out NUL. */
static void
append_escaped(StringInfo out, const char *bytes, int len)
{
	for (int i = 0; i < len; i++)
	{
		if (bytes[i] != '\0')
			appendStringInfo(out, "\\x%02x", (unsigned char) bytes[i]);
	}
}

/*
 * Text that is valid in encoding.  Returns the argument itself where nothing
 * has to change, as nearly always, else a palloc'd one.
 */
static HomeoText
make_valid(HomeoText str, int encoding)
{
	StringInfoData out;
	const char *p = str.data;
	int			left = (int) str.len;
	int			valid = pg_encoding_verifymbstr(encoding, p, left);

	if (valid == left)
		return str;

	initStringInfo(&out);
	for (;;)
	{
		appendBinaryStringInfo(&out, p, valid);
		p += valid;
		left -= valid;
		if (left == 0)
			break;
		append_escaped(&out, p, 1);
		p++;
		left--;
		valid = pg_encoding_verifymbstr(encoding, p, left);
	}
	str.data = out.data;
	str.len = out.len;
	return str;
}

/*
 * Converts text that is valid in from to the encoding to.  Characters that
 * to doesn't have become the escaped bytes of from.
 */
static HomeoText
convert(HomeoText str, int from, int to)
{
	StringInfoData out;
	Oid			proc = FindDefaultConversionProc(from, to);
	const char *p = str.data;
	int			left = (int) str.len;
	Size		room = (Size) left * MAX_CONVERSION_GROWTH + 16;
	char	   *buffer;

	initStringInfo(&out);
	buffer = palloc(room);
	while (left > 0)
	{
		int			done = 0;
		int			bad;

		if (OidIsValid(proc))
		{
			done = pg_do_encoding_conversion_buf(proc, from, to,
												 (unsigned char *) unconstify(char *, p),
												 left,
												 (unsigned char *) buffer,
												 (int) room, true);
			appendStringInfoString(&out, buffer);
		}
		else
		{
			while (done < left && !IS_HIGHBIT_SET(p[done]))
				done++;
			appendBinaryStringInfo(&out, p, done);
		}
		p += done;
		left -= done;
		if (left > 0)
		{
			bad = Min(pg_encoding_mblen(from, p), left);
			append_escaped(&out, p, bad);
			p += bad;
			left -= bad;
		}
	}
	pfree(buffer);
	str.data = out.data;
	str.len = out.len;
	return str;
}

/*
 * Any bytes, said to be in encoding, as valid text of the database: the
 * argument itself or a palloc'd one.  Needs a transaction.
 *
 * SQL_ASCII says nothing about the bytes: text from such a database is taken
 * to be in the encoding of this one as far as it is valid there, and such a
 * database takes any bytes.
 */
HomeoText
homeo_event_valid_text(HomeoText str, int encoding)
{
	int			database = GetDatabaseEncoding();

	if (encoding == database || encoding == PG_SQL_ASCII ||
		database == PG_SQL_ASCII)
		return make_valid(str, database);
	if (pg_encoding_verifymbstr(PG_SQL_ASCII, str.data, (int) str.len) ==
		(int) str.len)
	{
		Size		i = 0;

		while (i < str.len && !IS_HIGHBIT_SET(str.data[i]))
			i++;
		if (i == str.len)
			return str;
	}
	return convert(make_valid(str, encoding), encoding, database);
}

/* Is it JSON?  Our own encoder wrote it, unless it is damaged. */
bool
homeo_event_is_json(HomeoText str)
{
	JsonLexContext *lex = homeo_json_lexer_compat(str.data, (int) str.len);

	return pg_parse_json(lex, &nullSemAction) == JSON_SUCCESS;
}

/*
 * Reads the fields behind the header, as they are.  Returns NULL or what is
 * wrong.
 */
static const char *
decode_fields(const char *p, Size left, int nfields, HomeoEvent *event)
{
	int			previous = -1;

	for (int i = 0; i < nfields; i++)
	{
		HomeoEventFieldHeader field;
		HomeoText	str;

		if (left < sizeof(field))
			return "ends inside a field";
		memcpy(&field, p, sizeof(field));
		p += sizeof(field);
		left -= sizeof(field);
		if (field.field >= HOMEO_FIELD_COUNT ||
			(int) field.field <= previous)
			return "has fields out of order";
		if (field.len > left)
			return "has a field longer than itself";
		previous = (int) field.field;

		str.data = p;
		str.len = field.len;
		event->text[field.field] = str;
		p += field.len;
		left -= field.len;
	}
	return left == 0 ? NULL : "has bytes behind its last field";
}

/*
 * Makes an event of a record, with text as it is in the record, in the encoding
 * event->encoding and perhaps not valid in it.
 *
 * Returns NULL, or says what is wrong with the record: a part of a sentence
 * that begins with "its record".  Raises nothing.
 */
const char *
homeo_event_peek(const char *data, Size len, HomeoEvent *event)
{
	HomeoEventHeader header;

	if (len < sizeof(header))
		return "is shorter than its header";
	memcpy(&header, data, sizeof(header));
	if (header.magic != RECORD_MAGIC)
		return "is not one of this version";
	if (header.origin >= HOMEO_ORIGIN_COUNT ||
		header.level >= HOMEO_LEVEL_COUNT ||
		header.nfields > HOMEO_FIELD_COUNT ||
		!IS_VALID_TIMESTAMP(header.timestamp) ||
		!IS_VALID_TIMESTAMP(header.received) ||
		!IS_VALID_TIMESTAMP(header.session_start))
		return "has a header out of range";

	memset(event, 0, sizeof(*event));
	event->event_id = header.event_id;
	event->timestamp = header.timestamp;
	event->received = header.received;
	event->origin = (HomeoEventOrigin) header.origin;
	event->level = (HomeoEventLevel) header.level;
	event->rejected = (header.flags & HOMEO_RECORD_REJECTED) != 0;
	event->genuine = (header.flags & HOMEO_RECORD_GENUINE) != 0;
	event->temporary = (header.flags & HOMEO_RECORD_TEMPORARY) != 0;
	event->scrubbed = (header.flags & HOMEO_RECORD_SCRUBBED) != 0;
	event->id_given = (header.flags & HOMEO_RECORD_ID_GIVEN) != 0;
	event->database = header.database;
	event->role = header.role;
	event->session_role = header.session_role;
	event->pid = header.pid;
	event->session_start = header.session_start;
	event->query_id = header.query_id;
	event->truncated = header.truncated;
	event->encoding = PG_VALID_BE_ENCODING(header.encoding) ?
		header.encoding : PG_SQL_ASCII;

	return decode_fields(data + sizeof(header), len - sizeof(header),
						 header.nfields, event);
}

/*
 * Makes an event of a record, with valid text in the database's encoding
 * that points into the record or is palloc'd.
 *
 * Returns what homeo_event_peek() does.  Needs a transaction.  Raises nothing
 * but running out of memory.
 */
const char *
homeo_event_decode(const char *data, Size len, HomeoEvent *event)
{
	const char *problem = homeo_event_peek(data, len, event);

	if (problem != NULL)
		return problem;
	for (int i = 0; i < HOMEO_FIELD_COUNT; i++)
	{
		if (event->text[i].data != NULL)
			event->text[i] = homeo_event_valid_text(event->text[i],
													event->encoding);
	}
	event->encoding = GetDatabaseEncoding();

	if (event->text[HOMEO_FIELD_MESSAGE].data == NULL)
		return "has no message";
	for (int i = 0; i < HOMEO_FIELD_COUNT && !event->rejected; i++)
	{
		if (homeo_event_fields[i].kind == HOMEO_FIELD_IS_JSON &&
			event->text[i].data != NULL &&
			(event->text[i].len == 0 || event->text[i].data[0] != '{' ||
			 !homeo_event_is_json(event->text[i])))
			return "has JSON that is no object";
	}
	return NULL;
}

/*
 * The event by which a record that homeo_event_decode() could not read is
 * mentioned in rejected_events; problem is what it returned.
 */
void
homeo_event_make_unreadable(HomeoEvent *event, const char *problem)
{
	memset(event, 0, sizeof(*event));
	event->received = GetCurrentTimestamp();
	event->timestamp = event->received;
	event->encoding = GetDatabaseEncoding();
	event->rejected = true;
	homeo_event_set_string(event, HOMEO_FIELD_MESSAGE,
						   psprintf("its record %s", problem));
	homeo_event_set_string(event, HOMEO_FIELD_METADATA, "(unreadable)");
}
