/*
 * event_json.c
 *		Reads an event that its reporter wrote as a jsonb object.
 *
 * Called by the SQL functions that take events, in the caller's transaction.
 * A bad event is described, not raised, so that the rest of a batch goes on.
 * Texts of the event point into the jsonb or are palloc'd.
 */
#include "postgres.h"

#include "intake/event_json.h"

#include <math.h>

#include "base/ascii.h"
#include "base/errors.h"
#include "common/cryptohash.h"
#include "common/sha1.h"
#include "intake/event_id.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "wire/event.h"

/* Of the version 5 uuids that other strings given as error_id become. */
static const uint8 id_namespace[UUID_LEN] = {
	0x5f, 0x0c, 0x8a, 0x1d, 0x2e, 0x93, 0x4b, 0x76,
	0x9c, 0x41, 0xd7, 0x60, 0x3b, 0xe8, 0xf2, 0x15
};

static bool
refuse(HomeoEventProblem *problem, const char *field, const char *reason,
	   const char *hint)
{
	problem->field = field;
	problem->reason = reason;
	problem->hint = hint;
	return false;
}

static bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary &&
		JsonContainerIsObject(value->val.binary.data);
}

static bool
is_array(const JsonbValue *value)
{
	return value->type == jbvBinary &&
		JsonContainerIsArray(value->val.binary.data) &&
		!JsonContainerIsScalar(value->val.binary.data);
}

/* Levels of objects and arrays in container, itself included. */
static int
nesting_of(JsonbContainer *container)
{
	JsonbIterator *it = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue	value;
	int			depth = 0;
	int			deepest = 0;

	while ((token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE)
	{
		if (token == WJB_BEGIN_OBJECT || token == WJB_BEGIN_ARRAY)
		{
			depth++;
			deepest = Max(deepest, depth);
		}
		else if (token == WJB_END_OBJECT || token == WJB_END_ARRAY)
			depth--;
	}
	return deepest;
}

/* Reads exactly n digits; *p moves behind them. */
static bool
read_digits(const char **p, const char *end, int n, int *result)
{
	*result = 0;
	if (end - *p < n)
		return false;
	while (n-- > 0)
	{
		if (!isdigit((unsigned char) **p))
			return false;
		*result = *result * 10 + (*(*p)++ - '0');
	}
	return true;
}

static bool
read_char(const char **p, const char *end, const char *set)
{
	if (*p < end && **p != '\0' && strchr(set, **p) != NULL)
	{
		(*p)++;
		return true;
	}
	return false;
}

/* A fraction of a second, any number of digits, as microseconds. */
static bool
read_fraction(const char **p, const char *end, int *usec)
{
	int			unit = 100000;

	*usec = 0;
	if (*p == end || !isdigit((unsigned char) **p))
		return false;
	for (; *p < end && isdigit((unsigned char) **p); (*p)++)
	{
		*usec += (**p - '0') * unit;
		unit /= 10;
	}
	return true;
}

/* Z, +hh, +hhmm or +hh:mm, or nothing, which is UTC; seconds east. */
static bool
read_zone(const char **p, const char *end, int *seconds)
{
	int			sign;
	int			hours;
	int			minutes = 0;

	*seconds = 0;
	if (*p == end || read_char(p, end, "Zz"))
		return *p == end;
	sign = **p == '-' ? -1 : 1;
	if (!read_char(p, end, "+-") || !read_digits(p, end, 2, &hours))
		return false;
	if (*p < end)
	{
		(void) read_char(p, end, ":");
		if (!read_digits(p, end, 2, &minutes))
			return false;
	}
	*seconds = sign * (hours * SECS_PER_HOUR + minutes * SECS_PER_MINUTE);
	return *p == end && hours <= 15 && minutes < 60;
}

/*
 * ISO 8601: YYYY-MM-DD, T or a blank, hh:mm, optionally :ss and a fraction,
 * optionally a zone.  Not the server's parser, because that raises, depends
 * on DateStyle, and takes "yesterday".
 */
static bool
read_iso8601(const char *str, Size len, TimestampTz *result)
{
	const char *p = str;
	const char *end = str + len;
	int			year;
	int			month;
	int			day;
	int			hour;
	int			minute;
	int			second = 0;
	int			usec = 0;
	int			zone;
	int64		day_number;

	if (!read_digits(&p, end, 4, &year) || !read_char(&p, end, "-") ||
		!read_digits(&p, end, 2, &month) || !read_char(&p, end, "-") ||
		!read_digits(&p, end, 2, &day) || !read_char(&p, end, "Tt ") ||
		!read_digits(&p, end, 2, &hour) || !read_char(&p, end, ":") ||
		!read_digits(&p, end, 2, &minute))
		return false;
	if (read_char(&p, end, ":"))
	{
		if (!read_digits(&p, end, 2, &second))
			return false;
		if (read_char(&p, end, ".,") && !read_fraction(&p, end, &usec))
			return false;
	}
	/* A leap second is written as 60. */
	if (!read_zone(&p, end, &zone) || year < 1 || month < 1 ||
		month > MONTHS_PER_YEAR || day < 1 ||
		day > day_tab[isleap(year)][month - 1] ||
		hour > 23 || minute > 59 || second > 60)
		return false;

	day_number = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
	*result = day_number * USECS_PER_DAY +
		((hour * MINS_PER_HOUR + minute) * (int64) SECS_PER_MINUTE +
		 second - zone) * USECS_PER_SEC + usec;
	return IS_VALID_TIMESTAMP(*result);
}

/*
 * Seconds since 1970, with a fraction if there is one.  A number too large
 * for that is in milli-, micro- or nanoseconds: the first such value as
 * seconds would be in the year 5138.
 */
static bool
read_epoch(Numeric number, TimestampTz *result)
{
	double		value = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
														   NumericGetDatum(number)));
	double		usec;

	if (isnan(value) || isinf(value) || value < 0 || value >= 1e20)
		return false;
	if (value < 1e11)
		usec = value * 1e6;
	else if (value < 1e14)
		usec = value * 1e3;
	else if (value < 1e17)
		usec = value;
	else
		usec = value / 1e3;
	*result = (TimestampTz) rint(usec) -
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
	return IS_VALID_TIMESTAMP(*result);
}

static bool
read_timestamp(const JsonbValue *value, HomeoEvent *event,
			   HomeoEventProblem *problem)
{
	if (value->type == jbvString &&
		read_iso8601(value->val.string.val, value->val.string.len,
					 &event->timestamp))
		return true;
	if (value->type == jbvNumeric &&
		read_epoch(value->val.numeric, &event->timestamp))
		return true;
	return refuse(problem, "timestamp",
				  "must be an ISO 8601 date and time or a number of seconds since 1970",
				  "Write it as 2026-01-31T23:59:59.123Z or 1769903999.123.");
}

/* 32 hexadecimal digits, with hyphens at the usual places or none. */
static bool
read_uuid(const char *str, Size len, pg_uuid_t *id)
{
	static const int8 hyphens[] = {8, 13, 18, 23};
	Size		digits = 0;

	if (len != 36 && len != 32)
		return false;
	for (int i = 0; len == 36 && i < lengthof(hyphens); i++)
	{
		if (str[hyphens[i]] != '-')
			return false;
	}
	for (Size i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) str[i];
		uint8		nibble;

		if (c == '-' && len == 36)
			continue;
		if (!isxdigit(c))
			return false;
		nibble = isdigit(c) ? c - '0' : pg_ascii_tolower(c) - 'a' + 10;
		if (digits / 2 >= UUID_LEN)
			return false;
		id->data[digits / 2] = (uint8) (id->data[digits / 2] << 4 | nibble);
		digits++;
	}
	return digits == 2 * UUID_LEN;
}

/* RFC 4122's version 5 uuid of a name in our namespace. */
static void
hash_id(const char *str, Size len, pg_uuid_t *id)
{
	pg_cryptohash_ctx *sha1 = pg_cryptohash_create(PG_SHA1);
	uint8		digest[SHA1_DIGEST_LENGTH];
	bool		failed;

	failed = sha1 == NULL || pg_cryptohash_init(sha1) < 0 ||
		pg_cryptohash_update(sha1, id_namespace, UUID_LEN) < 0 ||
		pg_cryptohash_update(sha1, (const uint8 *) str, len) < 0 ||
		pg_cryptohash_final(sha1, digest, sizeof(digest)) < 0;
	if (sha1 != NULL)
		pg_cryptohash_free(sha1);
	if (failed)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute a SHA-1 hash")));
	memcpy(id->data, digest, UUID_LEN);
	id->data[6] = (id->data[6] & 0x0f) | 0x50;
	id->data[8] = (id->data[8] & 0x3f) | 0x80;
}

static bool
read_error_id(const JsonbValue *value, HomeoEvent *event,
			  HomeoEventProblem *problem)
{
	const char *str = value->val.string.val;
	int			len = value->val.string.len;

	if (value->type != jbvString)
		return refuse(problem, "error_id", "must be a string",
					  "Give a uuid, or any string of 1 to 200 bytes.");
	if (len < 1 || len > HOMEO_WIRE_ID_LIMIT)
		return refuse(problem, "error_id", "must have 1 to 200 bytes",
					  "Give a uuid, or leave it out to have one made.");
	if (!read_uuid(str, len, &event->event_id))
		hash_id(str, len, &event->event_id);
	event->id_given = true;
	return true;
}

static bool
read_level(const JsonbValue *value, HomeoEvent *event,
		   HomeoEventProblem *problem)
{
	for (int i = 0; value->type == jbvString && i < HOMEO_LEVEL_COUNT; i++)
	{
		if (strlen(homeo_event_levels[i]) == (Size) value->val.string.len &&
			strncmp(homeo_event_levels[i], value->val.string.val,
					value->val.string.len) == 0)
		{
			event->level = (HomeoEventLevel) i;
			return true;
		}
	}
	return refuse(problem, "level",
				  "must be warning, error, fatal or panic",
				  "Leave it out for error.");
}

/*
 * Sets the stack.  A long one keeps its beginning and its end, because the
 * innermost frame is at either, depending on the language.  An empty one is
 * none.
 */
void
homeo_event_json_set_stack(HomeoEvent *event, const char *str, Size len)
{
	Size		limit = homeo_event_fields[HOMEO_FIELD_STACK].limit;
	static const char gap[] = "\n[...]\n";
	Size		half = (limit - sizeof(gap)) / 2;
	const char *first_end = str + half;
	const char *last = str + len - half;
	StringInfoData cut;

	if (len == 0)
		return;
	if (len <= limit)
	{
		homeo_event_set(event, HOMEO_FIELD_STACK, str, len);
		return;
	}
	/* Whole lines, so that no frame is made up of two. */
	while (first_end > str && *first_end != '\n')
		first_end--;
	while (last < str + len && *last != '\n')
		last++;
	if (first_end == str || last == str + len)
	{
		homeo_event_set(event, HOMEO_FIELD_STACK, str, len);
		return;
	}
	initStringInfo(&cut);
	appendBinaryStringInfo(&cut, str, first_end - str);
	appendStringInfoString(&cut, gap);
	appendBinaryStringInfo(&cut, last + 1, str + len - last - 1);
	homeo_event_set(event, HOMEO_FIELD_STACK, cut.data, cut.len);
	event->truncated |= (uint32) 1 << HOMEO_FIELD_STACK;
}

/* A string, or an array of strings that are lines or frames. */
static bool
read_stack(const JsonbValue *value, HomeoEvent *event,
		   HomeoEventProblem *problem)
{
	static const char *const reason = "must be an array of strings or a string";
	static const char *const hint = "Give one string for each frame.";
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	element;
	StringInfoData lines;

	if (value->type == jbvString)
	{
		homeo_event_json_set_stack(event, value->val.string.val,
								   value->val.string.len);
		return true;
	}
	if (!is_array(value))
		return refuse(problem, "stack_trace", reason, hint);

	initStringInfo(&lines);
	it = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &element, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (element.type != jbvString)
			return refuse(problem, "stack_trace", reason, hint);
		if (lines.len > 0)
			appendStringInfoChar(&lines, '\n');
		appendBinaryStringInfo(&lines, element.val.string.val,
							   element.val.string.len);
	}
	homeo_event_json_set_stack(event, lines.data, lines.len);
	return true;
}

static bool
read_json(const JsonbValue *value, HomeoEventField field, HomeoEvent *event,
		  HomeoEventProblem *problem)
{
	const HomeoFieldInfo *info = &homeo_event_fields[field];
	StringInfoData json;

	if (!is_object(value))
		return refuse(problem, info->key, "must be an object",
					  "Put what it holds under a key of its own.");
	if (nesting_of(value->val.binary.data) > HOMEO_EVENT_MAX_DEPTH)
		return refuse(problem, info->key,
					  psprintf("is nested deeper than %d levels",
							   HOMEO_EVENT_MAX_DEPTH),
					  "Report fewer levels, or the rest as a string.");
	initStringInfo(&json);
	JsonbToCString(&json, value->val.binary.data, value->val.binary.len);
	if (json.len > info->limit)
		return refuse(problem, info->key,
					  psprintf("has %d bytes, more than %u",
							   json.len, info->limit),
					  "Report the part that matters.");
	homeo_event_set(event, field, json.data, json.len);
	return true;
}

static bool
read_text(const JsonbValue *value, HomeoEventField field, HomeoEvent *event,
		  HomeoEventProblem *problem)
{
	const HomeoFieldInfo *info = &homeo_event_fields[field];
	int			len = value->val.string.len;

	if (value->type != jbvString)
		return refuse(problem, info->key, "must be a string",
					  "Put double quotes around the value.");
	if (info->kind == HOMEO_FIELD_IS_NAME && len > info->limit)
		return refuse(problem, info->key,
					  psprintf("has %d bytes, more than %u",
							   len, info->limit),
					  "Choose a shorter name.");
	if (len > 0 || field == HOMEO_FIELD_MESSAGE)
		homeo_event_set(event, field, value->val.string.val, len);
	return true;
}

static bool
read_sqlstate(const JsonbValue *value, HomeoEvent *event,
			  HomeoEventProblem *problem)
{
	bool		valid = value->type == jbvString &&
	value->val.string.len == 5;

	for (int i = 0; valid && i < 5; i++)
	{
		char		c = value->val.string.val[i];

		valid = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
	}
	if (!valid)
		return refuse(problem, "sqlstate",
					  "must be a string of five digits or capital letters",
					  "Give it as the server does, for instance 23505.");
	return read_text(value, HOMEO_FIELD_SQLSTATE, event, problem);
}

/* The field with that key; HOMEO_FIELD_COUNT: there is none. */
HomeoEventField
homeo_event_json_field(HomeoSlice key)
{
	for (int i = 0; i < HOMEO_FIELD_COUNT; i++)
	{
		/* Who logged in is known, not reported. */
		if (i != HOMEO_FIELD_SESSION_ROLE &&
			homeo_ascii_equals(key.data, key.len, homeo_event_fields[i].key))
			return i;
	}
	return HOMEO_FIELD_COUNT;
}

bool
homeo_event_json_read_pair(HomeoSlice key, const JsonbValue *value,
						   HomeoEvent *event, HomeoEventProblem *problem)
{
	HomeoEventField field;
	char	   *name;

	if (value->type == jbvNull)
		return true;
	if (homeo_ascii_equals(key.data, key.len, HOMEO_WIRE_ERROR_ID))
		return read_error_id(value, event, problem);
	if (homeo_ascii_equals(key.data, key.len, HOMEO_WIRE_TIMESTAMP))
		return read_timestamp(value, event, problem);
	if (homeo_ascii_equals(key.data, key.len, HOMEO_WIRE_LEVEL))
		return read_level(value, event, problem);

	field = homeo_event_json_field(key);
	if (field == HOMEO_FIELD_STACK)
		return read_stack(value, event, problem);
	if (field == HOMEO_FIELD_SQLSTATE)
		return read_sqlstate(value, event, problem);
	if (field < HOMEO_FIELD_COUNT)
		return homeo_event_fields[field].kind == HOMEO_FIELD_IS_JSON ?
			read_json(value, field, event, problem) :
			read_text(value, field, event, problem);

	/* It comes from outside and goes into messages: bounded. */
	name = pnstrdup(key.data, key.len);
	name[pg_mbcliplen(name, strlen(name), NAMEDATALEN - 1)] = '\0';
	return refuse(problem, name, "is not a key of an event",
				  "Put what has no key of its own into metadata.");
}

/* What an event is before its fields are read. */
void
homeo_event_json_begin(HomeoEvent *event, HomeoEventOrigin origin)
{
	memset(event, 0, sizeof(*event));
	event->origin = origin;
	event->genuine = origin == HOMEO_ORIGIN_CHECKUP;
	event->level = HOMEO_LEVEL_ERROR;
	event->encoding = GetDatabaseEncoding();
	event->received = GetCurrentTimestamp();
	event->timestamp = event->received;
	homeo_event_id_make(&event->event_id, event->received);
}

/*
 * Reads one event.  Returns false, with *problem filled in, if it breaks the
 * schema.  error_id and timestamp are made where they are left out; a key
 * whose value is null is left out.
 */
bool
homeo_event_json_read(JsonbContainer *object, HomeoEventOrigin origin,
					  HomeoEvent *event, HomeoEventProblem *problem)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	homeo_event_json_begin(event, origin);
	if (!JsonContainerIsObject(object))
		return refuse(problem, NULL, "must be an object",
					  "Give an object with at least the key error_message.");

	it = JsonbIteratorInit(object);
	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		HomeoSlice	name;

		if (token != WJB_KEY)
			continue;
		if (JsonbIteratorNext(&it, &value, true) != WJB_VALUE)
			elog(ERROR, "jsonb key without a value");
		name.data = key.val.string.val;
		name.len = key.val.string.len;
		if (!homeo_event_json_read_pair(name, &value, event, problem))
			return false;
	}
	if (event->text[HOMEO_FIELD_MESSAGE].data == NULL)
		return refuse(problem, "error_message", "is missing",
					  "Say what happened in error_message.");
	return true;
}

/* Raises the error about an event that was refused. */
void
homeo_event_json_raise(const HomeoEventProblem *problem)
{
	if (problem->field == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_EVENT),
				 errmsg("event %s", problem->reason),
				 errhint("%s", problem->hint)));
	ereport(ERROR,
			(errcode(ERRCODE_HOMEO_INVALID_EVENT),
			 errmsg("event field \"%s\" %s", problem->field, problem->reason),
			 errhint("%s", problem->hint),
			 err_generic_string(PG_DIAG_COLUMN_NAME, problem->field)));
}

/*
 * Makes the event by which a refused one reaches rejected_events; original is
 * what it was, as text in the database's encoding.
 */
void
homeo_event_reject(HomeoText original, HomeoEventOrigin origin,
				   const HomeoEventProblem *problem, HomeoEvent *event)
{
	memset(event, 0, sizeof(*event));
	event->origin = origin;
	event->level = HOMEO_LEVEL_ERROR;
	event->encoding = GetDatabaseEncoding();
	event->received = GetCurrentTimestamp();
	event->timestamp = event->received;
	event->rejected = true;
	homeo_event_set_string(event, HOMEO_FIELD_ERROR_TYPE, problem->field);
	homeo_event_set(event, HOMEO_FIELD_MESSAGE, problem->reason,
					strlen(problem->reason));
	homeo_event_set(event, HOMEO_FIELD_METADATA, original.data, original.len);
}

/* The same for a jsonb value. */
void
homeo_event_json_reject(JsonbValue *value, HomeoEventOrigin origin,
						const HomeoEventProblem *problem, HomeoEvent *event)
{
	StringInfoData json;
	HomeoText	original;

	initStringInfo(&json);
	if (value->type == jbvBinary)
		JsonbToCString(&json, value->val.binary.data, value->val.binary.len);
	else
	{
		Jsonb	   *scalar = JsonbValueToJsonb(value);

		JsonbToCString(&json, &scalar->root, VARSIZE(scalar));
	}
	original.data = json.data;
	original.len = json.len;
	homeo_event_reject(original, origin, problem, event);
}

/*
 * The fields of an event as a JSON object, for rejected_events: legible, but
 * not checked, so not always one that could be reported again.
 */
void
homeo_event_json_write(const HomeoEvent *event, StringInfo out)
{
	appendStringInfo(out, "{\"timestamp\": \"%s\", \"level\": \"%s\"",
					 timestamptz_to_str(event->timestamp),
					 homeo_event_levels[event->level]);
	for (int i = 0; i < HOMEO_FIELD_COUNT; i++)
	{
		const HomeoText *str = &event->text[i];

		if (str->data == NULL)
			continue;
		appendStringInfo(out, ", \"%s\": ", homeo_event_fields[i].key);
		if (homeo_event_fields[i].kind == HOMEO_FIELD_IS_JSON)
			appendBinaryStringInfo(out, str->data, (int) str->len);
		else
			escape_json(out, pnstrdup(str->data, str->len));
	}
	appendStringInfoChar(out, '}');
}
