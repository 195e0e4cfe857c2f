/*
 * prepare.c
 *		Turns an event into what is stored of it: names for OIDs, secrets
 *		removed, a sane time, the frames of its stack, its fingerprint.
 *
 * Called by store.c in a transaction; touches no table but the catalogs, and
 * that of the templates of log lines, once.
 * Of a flood, most events are counted and not stored, so this is two steps:
 * homeo_prepare() finds out what an event counts for, and
 * homeo_prepare_complete() what of it may be stored.
 *
 * Memory: the context that is current in homeo_prepare(), and a table of the
 * stacks of late, begun anew when it has grown to its limit.
 */
#include "postgres.h"

#include "intake/prepare.h"

#include "base/errors.h"
#include "base/guc.h"
#include "base/hash128.h"
#include "base/memory.h"
#include "base/worker.h"
#include "commands/dbcommands.h"
#include "intake/log_template.h"
#include "intake/log_template_save.h"
#include "intake/scrub.h"
#include "intake/scrub_filter.h"
#include "intake/sqlstate.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "text/fingerprint.h"
#include "text/stacktrace.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Frames that are kept as such; the text of the stack is kept whole. */
#define MAX_FRAMES		256

#define TITLE_LIMIT		200

/* Different texts of late whose fingerprints are remembered. */
#define KNOWN_TEXTS		1024

/*
 * The same for stacks: sets, by hash, of so many, of which the one that was read
 * first makes room.
 */
#define KNOWN_STACK_SETS	1024
#define KNOWN_STACK_WAYS	4

/* What was found in a stack. */
typedef struct HomeoKnownStack
{
	HomeoFingerprint texts;		/* key: of the language and the text as it
								 * came */
	pg_uuid_t	hash;			/* of the text without its secrets */
	bool		has_frames;
	HomeoFingerprint frames;
} HomeoKnownStack;

static inline const HomeoText *
text_of(const HomeoEvent *event, HomeoEventField field)
{
	return &event->text[field];
}

static char *
string_of(const HomeoEvent *event, HomeoEventField field)
{
	const HomeoText *str = text_of(event, field);

	return str->data ? pnstrdup(str->data, str->len) : NULL;
}

static void
set_name(HomeoEvent *event, HomeoEventField field, char *name)
{
	if (name != NULL)
	{
		event->text[field].data = name;
		event->text[field].len = strlen(name);
	}
}

/*
 * Names for the OIDs that a record carries.  What was dropped meanwhile has
 * none.
 */
static void
resolve_names(HomeoEvent *event)
{
	if (OidIsValid(event->role))
		set_name(event, HOMEO_FIELD_ROLE,
				 GetUserNameFromId(event->role, true));
	if (OidIsValid(event->session_role) &&
		text_of(event, HOMEO_FIELD_SESSION_ROLE)->data == NULL)
		set_name(event, HOMEO_FIELD_SESSION_ROLE,
				 GetUserNameFromId(event->session_role, true));
	/* The name that the client connected to may be an old one. */
	if (OidIsValid(event->database))
		set_name(event, HOMEO_FIELD_DATABASE,
				 get_database_name(event->database));
}

/*
 * What a session has temporary it finds first, unless its path says otherwise.
 */
static void
complete_search_path(HomeoEvent *event)
{
	char	   *path = string_of(event, HOMEO_FIELD_SEARCH_PATH);

	if (event->temporary && path != NULL && strstr(path, "pg_temp") == NULL)
		set_name(event, HOMEO_FIELD_SEARCH_PATH,
				 psprintf(path[0] == '\0' ? "pg_temp" : "pg_temp, %s", path));
}

/*
 * Only the server itself speaks for a database: what a reporter says goes to
 * a service of kind application, so that nobody can make the healer work on
 * a database by telling it a tale.  An error outside of any database, such
 * as a failed login, is the home database's: that is where it can be seen
 * and acted upon, and a stranger who tries database names makes no services.
 */
static void
choose_service(HomeoEvent *event, HomeoPrepared *prepared)
{
	/* What the extension finds about itself names it. */
	prepared->of_extension = event->origin == HOMEO_ORIGIN_CHECKUP &&
		text_of(event, HOMEO_FIELD_SERVICE)->data != NULL;
	prepared->of_database = !prepared->of_extension &&
		(event->origin == HOMEO_ORIGIN_SERVER_LOG ||
		 event->origin == HOMEO_ORIGIN_CHECKUP);
	if (!prepared->of_database)
	{
		prepared->service = string_of(event, HOMEO_FIELD_SERVICE);
		if (prepared->service == NULL)
			prepared->service = pstrdup(HOMEO_DEFAULT_SERVICE);
		return;
	}
	if (event->origin == HOMEO_ORIGIN_CHECKUP || OidIsValid(event->database))
		prepared->service = string_of(event, HOMEO_FIELD_DATABASE);
	if (prepared->service == NULL)
		prepared->service = get_database_name(MyDatabaseId);
}

/*
 * The hook filters by names only where a client connection has told them.
 */
static bool
is_excluded(HomeoEvent *event, bool had_names)
{
	char	   *database = string_of(event, HOMEO_FIELD_DATABASE);
	char	   *role = string_of(event, HOMEO_FIELD_SESSION_ROLE);

	return event->origin == HOMEO_ORIGIN_SERVER_LOG && !had_names &&
		!(homeo_guc_captures_database(database) &&
		  homeo_guc_captures_role(role));
}

/* homeo_scrub(), which most texts need not go through. */
static Size
scrub_text(char *data, Size len)
{
	return homeo_scrub_filter_clears(data, len) ? len : homeo_scrub(data, len);
}

/* Removes secrets from a copy of the text, once. */
static void
scrub(HomeoPrepared *prepared, HomeoEventField field)
{
	HomeoEvent *event = prepared->event;
	HomeoText  *str = &event->text[field];
	const HomeoText *statement = text_of(event, HOMEO_FIELD_STATEMENT);
	uint32		bit = (uint32) 1 << field;
	const HomeoText original = *str;
	char	   *copy;

	if (str->data == NULL || (prepared->scrubbed & bit) != 0)
		return;
	prepared->scrubbed |= bit;
	copy = palloc(str->len + 1);
	memcpy(copy, str->data, str->len);
	str->len = scrub_text(copy, str->len);
	if ((field == HOMEO_FIELD_CONTEXT || field == HOMEO_FIELD_DETAIL) &&
		homeo_scrub_takes_secrets(statement->data, statement->len))
		str->len = homeo_scrub_parameters(copy, str->len);
	copy[str->len] = '\0';
	str->data = copy;

	/* A number is no number any more when asterisks stand in its place. */
	if (homeo_event_fields[field].kind == HOMEO_FIELD_IS_JSON &&
		!event->rejected && !homeo_slice_equals(original, *str) &&
		!homeo_event_is_json(*str))
	{
		str->data = "{\"scrubbed\": true}";
		str->len = strlen(str->data);
		event->truncated |= bit;
	}
}

/*
 * Removes secrets from all texts that homeo_prepare() did not have to read,
 * but for the stack, which may be stored already.  To be called before any of
 * them is stored; again does no harm.
 */
void
homeo_prepare_texts(HomeoPrepared *prepared)
{
	static const HomeoEventField fields[] = {
		HOMEO_FIELD_MESSAGE, HOMEO_FIELD_DETAIL, HOMEO_FIELD_HINT,
		HOMEO_FIELD_CONTEXT, HOMEO_FIELD_STATEMENT,
		HOMEO_FIELD_APPLICATION, HOMEO_FIELD_ENVIRONMENT,
		HOMEO_FIELD_CLASSIFICATION, HOMEO_FIELD_METADATA
	};

	MemoryContext caller = MemoryContextSwitchTo(prepared->context);

	for (int i = 0; i < lengthof(fields); i++)
		scrub(prepared, fields[i]);
	MemoryContextSwitchTo(caller);
}

/* The same for all texts. */
void
homeo_prepare_complete(HomeoPrepared *prepared)
{
	MemoryContext caller = MemoryContextSwitchTo(prepared->context);

	homeo_prepare_texts(prepared);
	scrub(prepared, HOMEO_FIELD_STACK);
	MemoryContextSwitchTo(caller);
}

/*
 * Removes secrets from all texts of an event that goes to disk before it is
 * prepared.  The texts may be in any encoding of a server: what is looked for
 * is ASCII.
 */
void
homeo_prepare_scrub(HomeoEvent *event)
{
	HomeoPrepared prepared = {
		.event = event,
		.context = CurrentMemoryContext
	};

	if (!event->scrubbed)
		homeo_prepare_complete(&prepared);
}

/*
 * Adds a key to an object, behind all others: of two that are the same, the
 * last counts, so nobody's own key hides it.
 */
static void
add_text(HomeoText *object, const char *key, const char *value)
{
	Size		len = object->len;
	StringInfoData json;

	/* Without the bracket at its end, and the blanks around that. */
	while (len > 0 && object->data[len - 1] != '}')
		len--;
	if (len > 0)
		len--;
	while (len > 0 && strchr(" \t\r\n", object->data[len - 1]) != NULL)
		len--;
	initStringInfo(&json);
	if (len == 0)
		appendStringInfoChar(&json, '{');
	else
		appendBinaryStringInfo(&json, object->data, (int) len);
	if (json.data[json.len - 1] != '{')
		appendStringInfoString(&json, ", ");
	appendStringInfo(&json, "\"%s\": \"%s\"}", key, value);
	object->data = json.data;
	object->len = json.len;
}

/*
 * A time for which there will be no partition, or none any more, becomes
 * that of receipt; what was reported is kept in metadata.
 */
static void
clamp_timestamp(HomeoEvent *event)
{
	TimestampTz oldest = event->received -
	homeo_guc_retention_days * USECS_PER_DAY;
	TimestampTz newest = event->received + USECS_PER_DAY;

	if (event->timestamp >= oldest && event->timestamp <= newest)
		return;

	add_text(&event->text[HOMEO_FIELD_METADATA], "reported_timestamp",
			 timestamptz_to_str(event->timestamp));
	event->timestamp = event->received;
}

static void
append_slice(StringInfo out, const char *key, HomeoSlice slice)
{
	if (slice.data == NULL)
		return;
	appendStringInfo(out, "%s\"%s\": ",
					 out->data[out->len - 1] == '{' ? "" : ", ", key);
	escape_json(out, pnstrdup(slice.data, slice.len));
}

static void
append_number(StringInfo out, const char *key, uint32 number)
{
	if (number != 0)
		appendStringInfo(out, "%s\"%s\": %u",
						 out->data[out->len - 1] == '{' ? "" : ", ", key,
						 number);
}

static char *
frames_as_json(const HomeoFrame *frames, size_t nframes)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoChar(&out, '[');
	for (size_t i = 0; i < nframes; i++)
	{
		appendStringInfoString(&out, i == 0 ? "{" : ", {");
		append_slice(&out, "function", frames[i].function);
		append_slice(&out, "file", frames[i].file);
		append_slice(&out, "module", frames[i].module);
		append_number(&out, "line", frames[i].line);
		append_number(&out, "column", frames[i].column);
		appendStringInfo(&out, "%s\"in_app\": %s}",
						 out.data[out.len - 1] == '{' ? "" : ", ",
						 frames[i].in_app ? "true" : "false");
	}
	appendStringInfoChar(&out, ']');
	return out.data;
}

static HomeoSlice
slice_of(const char *string)
{
	HomeoSlice	slice = {string, strlen(string)};

	return slice;
}

/*
 * The stack of an event as it is stored, without its secrets, and its frames
 * as a JSON array, palloc'd.  The event must have a stack.
 */
char *
homeo_prepare_stack(HomeoPrepared *prepared)
{
	MemoryContext caller = MemoryContextSwitchTo(prepared->context);
	HomeoFrame *frames = palloc(sizeof(HomeoFrame) * MAX_FRAMES);
	size_t		nframes;
	size_t		ncut;
	char	   *json;

	scrub(prepared, HOMEO_FIELD_STACK);
	nframes = homeo_stacktrace_parse(slice_of(prepared->language),
									 *text_of(prepared->event, HOMEO_FIELD_STACK),
									 frames, MAX_FRAMES, &ncut);
	json = frames_as_json(frames, nframes);
	pfree(frames);
	MemoryContextSwitchTo(caller);
	return json;
}

/* Reads a stack into *known, except for its key. */
static void
read_stack(const HomeoPrepared *prepared, HomeoKnownStack *known)
{
	const HomeoText *stack = text_of(prepared->event, HOMEO_FIELD_STACK);
	HomeoFrame *frames = palloc(sizeof(HomeoFrame) * MAX_FRAMES);
	char	   *copy = palloc(stack->len);
	Size		len;
	size_t		nframes;
	size_t		ncut;

	memcpy(copy, stack->data, stack->len);
	len = (prepared->scrubbed & ((uint32) 1 << HOMEO_FIELD_STACK)) != 0 ?
		stack->len : scrub_text(copy, stack->len);
	homeo_hash128(copy, len, 0, known->hash.data);
	nframes = homeo_stacktrace_parse(slice_of(prepared->language),
									 homeo_slice(copy, len),
									 frames, MAX_FRAMES, &ncut);
	known->has_frames = nframes > 0;
	homeo_fingerprint_frames(frames, nframes, &known->frames);
	pfree(copy);
	pfree(frames);
}

/*
 * The stack of an event, which many others have as well: to read it costs far
 * more than to hash it, so what was found is remembered.  Valid until the next
 * call.
 */
static const HomeoKnownStack *
find_stack(const HomeoPrepared *prepared)
{
	static HomeoKnownStack known[KNOWN_STACK_SETS][KNOWN_STACK_WAYS];
	const HomeoText *stack = text_of(prepared->event, HOMEO_FIELD_STACK);
	HomeoFingerprintBuilder builder;
	HomeoKnownStack found;
	HomeoKnownStack *set;
	uint32		place;

	/* What is without its secrets already may not lose anything more. */
	homeo_fingerprint_init(&builder,
						   (prepared->scrubbed >> HOMEO_FIELD_STACK) & 1);
	homeo_fingerprint_add_field(&builder, 0, prepared->language,
								strlen(prepared->language));
	homeo_fingerprint_add_field(&builder, 1, stack->data, stack->len);
	homeo_fingerprint_final(&builder, &found.texts);
	memcpy(&place, found.texts.bytes, sizeof(place));
	set = known[place % KNOWN_STACK_SETS];
	for (int i = 0; i < KNOWN_STACK_WAYS; i++)
	{
		if (memcmp(&set[i].texts, &found.texts, sizeof(found.texts)) == 0)
			return &set[i];
	}
	read_stack(prepared, &found);
	memmove(&set[1], &set[0], sizeof(*set) * (KNOWN_STACK_WAYS - 1));
	set[0] = found;
	return &set[0];
}

/*
 * Where the server raised an error its context names the functions that were
 * running.
 */
static void
read_context(const HomeoEvent *event, HomeoFingerprintInput *input)
{
	HomeoFrame *frames;
	size_t		nframes;
	size_t		ncut;

	if (text_of(event, HOMEO_FIELD_CONTEXT)->data == NULL ||
		text_of(event, HOMEO_FIELD_SQLSTATE)->data == NULL)
		return;
	frames = palloc(sizeof(HomeoFrame) * MAX_FRAMES);
	nframes = homeo_stacktrace_parse(slice_of("postgresql"),
									 *text_of(event, HOMEO_FIELD_CONTEXT),
									 frames, MAX_FRAMES, &ncut);
	input->has_frames = nframes > 0;
	homeo_fingerprint_frames(frames, nframes, &input->frames);
	pfree(frames);
}

/* Everything but the frames. */
static void
set_input(const HomeoPrepared *prepared, HomeoFingerprintInput *input)
{
	const HomeoEvent *event = prepared->event;

	memset(input, 0, sizeof(*input));
	input->language = slice_of(prepared->language);
	input->error_type = slice_of(prepared->error_type);
	input->sqlstate = *text_of(event, HOMEO_FIELD_SQLSTATE);
	input->message = *text_of(event, HOMEO_FIELD_MESSAGE);
	input->schema_name = *text_of(event, HOMEO_FIELD_SCHEMA);
	input->table_name = *text_of(event, HOMEO_FIELD_TABLE);
	input->column_name = *text_of(event, HOMEO_FIELD_COLUMN);
	input->constraint_name = *text_of(event, HOMEO_FIELD_CONSTRAINT);
	input->datatype_name = *text_of(event, HOMEO_FIELD_DATATYPE);
	input->context = *text_of(event, HOMEO_FIELD_CONTEXT);
	input->search_path = *text_of(event, HOMEO_FIELD_SEARCH_PATH);
	input->imitated = event->origin == HOMEO_ORIGIN_SERVER_LOG &&
		!event->genuine;
	if (homeo_fingerprint_reads_statement(input))
		input->statement = *text_of(event, HOMEO_FIELD_STATEMENT);
}

/*
 * The texts as they are, secrets and all: same texts, same fingerprint.  The
 * service is one of them if it matters.
 */
static void
hash_input(const HomeoFingerprintInput *input, const char *service,
		   HomeoFingerprint *hash)
{
	const HomeoSlice texts[] = {
		input->language, input->error_type, input->sqlstate, input->message,
		input->schema_name, input->table_name, input->column_name,
		input->constraint_name, input->datatype_name, input->context,
		input->search_path, input->statement
	};
	HomeoFingerprintBuilder builder;

	homeo_fingerprint_init(&builder, input->imitated);
	for (int i = 0; i < lengthof(texts); i++)
	{
		if (texts[i].len > 0)
			homeo_fingerprint_add_field(&builder, i, texts[i].data,
										texts[i].len);
	}
	if (service != NULL)
		homeo_fingerprint_add_field(&builder, lengthof(texts), service,
									strlen(service));
	homeo_fingerprint_final(&builder, hash);
}

static void
make_fingerprint(HomeoPrepared *prepared, HomeoFingerprint *fingerprint)
{
	HomeoFingerprintInput input;

	scrub(prepared, HOMEO_FIELD_MESSAGE);
	scrub(prepared, HOMEO_FIELD_CONTEXT);
	set_input(prepared, &input);
	if (input.statement.data != NULL)
	{
		scrub(prepared, HOMEO_FIELD_STATEMENT);
		input.statement = *text_of(prepared->event, HOMEO_FIELD_STATEMENT);
	}
	if (text_of(prepared->event, HOMEO_FIELD_STACK)->data != NULL)
	{
		const HomeoKnownStack *stack = find_stack(prepared);

		prepared->has_stack = true;
		prepared->stack_hash = stack->hash;
		input.has_frames = stack->has_frames;
		input.frames = stack->frames;
	}
	else
		read_context(prepared->event, &input);
	homeo_fingerprint_event(&input, fingerprint);
}

/*
 * Was it reported as one line, without anything that says what kind of error
 * it is?
 */
static bool
is_log_line(const HomeoEvent *event)
{
	const HomeoText *message = text_of(event, HOMEO_FIELD_MESSAGE);
	const char *end;

	if ((event->origin != HOMEO_ORIGIN_REPORT &&
		 event->origin != HOMEO_ORIGIN_INGEST) ||
		text_of(event, HOMEO_FIELD_ERROR_TYPE)->data != NULL ||
		text_of(event, HOMEO_FIELD_SQLSTATE)->data != NULL ||
		text_of(event, HOMEO_FIELD_STACK)->data != NULL ||
		message->len == 0)
		return false;
	end = memchr(message->data, '\n', message->len);
	return end == NULL || end == message->data + message->len - 1;
}

/* A line has that of its template. */
static void
make_line_fingerprint(HomeoPrepared *prepared, HomeoFingerprint *fingerprint)
{
	scrub(prepared, HOMEO_FIELD_MESSAGE);
	homeo_log_template_of(prepared->service, prepared->language,
						  *text_of(prepared->event, HOMEO_FIELD_MESSAGE),
						  fingerprint);
}

/* What became of texts. */
typedef struct HomeoKnownTexts
{
	HomeoFingerprint texts;
	HomeoFingerprint fingerprint;
	uint64		generation;		/* of the templates, if it is a line */
	TimestampTz since;
} HomeoKnownTexts;

/* A template that is used is to be told so from time to time. */
static bool
holds(const HomeoKnownTexts *known, const HomeoPrepared *prepared)
{
	return !prepared->is_line ||
		(known->generation == homeo_log_template_generation() &&
		 prepared->event->received - known->since < USECS_PER_MINUTE);
}

/*
 * A flood brings the same texts again and again.  To hash them costs a small
 * part of taking secrets out of them and values out of words, so what became
 * of them is remembered.
 */
static void
compute_fingerprint(HomeoPrepared *prepared)
{
	static HomeoKnownTexts known_texts[KNOWN_TEXTS];
	HomeoKnownTexts *known;
	HomeoFingerprintInput input;
	HomeoFingerprint texts;
	HomeoFingerprint fingerprint;
	uint32		place;

	/* Whose stack has to be known anyway, to be stored. */
	if (text_of(prepared->event, HOMEO_FIELD_STACK)->data != NULL)
	{
		make_fingerprint(prepared, &fingerprint);
		memcpy(prepared->fingerprint.data, fingerprint.bytes, UUID_LEN);
		return;
	}
	prepared->is_line = is_log_line(prepared->event) &&
		homeo_log_template_ensure();
	set_input(prepared, &input);
	hash_input(&input, prepared->is_line ? prepared->service : NULL, &texts);
	memcpy(&place, texts.bytes, sizeof(place));
	known = &known_texts[place % KNOWN_TEXTS];
	if (memcmp(&known->texts, &texts, sizeof(texts)) != 0 ||
		!holds(known, prepared))
	{
		known->generation = homeo_log_template_generation();
		known->since = prepared->event->received;
		if (prepared->is_line)
			make_line_fingerprint(prepared, &known->fingerprint);
		else
			make_fingerprint(prepared, &known->fingerprint);
		known->texts = texts;
	}
	memcpy(prepared->fingerprint.data, known->fingerprint.bytes, UUID_LEN);
}

void
homeo_prepare_renew(HomeoPrepared *prepared)
{
	if (prepared->is_line)
		compute_fingerprint(prepared);
}

/* What a reporter leaves out, an SQLSTATE can often say. */
static void
choose_type(const HomeoEvent *event, HomeoPrepared *prepared)
{
	const HomeoText *sqlstate = text_of(event, HOMEO_FIELD_SQLSTATE);

	prepared->language = string_of(event, HOMEO_FIELD_LANGUAGE);
	if (prepared->language == NULL)
		prepared->language = pstrdup(sqlstate->data ? "sql" : "unknown");

	prepared->error_type = string_of(event, HOMEO_FIELD_ERROR_TYPE);
	if (prepared->error_type == NULL && sqlstate->data != NULL)
	{
		const char *name = homeo_sqlstate_name(sqlstate->data);

		/* Somebody's own code has no name but itself. */
		prepared->error_type = name ? pstrdup(name) :
			string_of(event, HOMEO_FIELD_SQLSTATE);
	}
	else if (prepared->error_type == NULL)
		prepared->error_type = pstrdup("error");
}

/*
 * Fills in *prepared from event.  Texts that are read for it are replaced by
 * what may be stored; of a refused event, all are, and nothing else is done.
 */
void
homeo_prepare(HomeoEvent *event, HomeoPrepared *prepared)
{
	bool		had_names = text_of(event, HOMEO_FIELD_DATABASE)->data != NULL;

	memset(prepared, 0, sizeof(*prepared));
	prepared->event = event;
	prepared->context = CurrentMemoryContext;
	if (event->scrubbed)
		prepared->scrubbed = PG_UINT32_MAX;
	if (event->rejected)
	{
		homeo_prepare_complete(prepared);
		return;
	}
	resolve_names(event);
	complete_search_path(event);
	prepared->excluded = is_excluded(event, had_names);
	if (prepared->excluded)
		return;
	clamp_timestamp(event);
	choose_service(event, prepared);
	choose_type(event, prepared);
	compute_fingerprint(prepared);
}

char *
homeo_prepare_title(const HomeoPrepared *prepared)
{
	const HomeoText *message = text_of(prepared->event, HOMEO_FIELD_MESSAGE);
	Size		len = 0;

	while (len < message->len &&
		   message->data[len] != '\n' && message->data[len] != '\r')
		len++;
	if (len == 0)
		return pstrdup(prepared->error_type);
	len = pg_mbcliplen(message->data, (int) len, TITLE_LIMIT);
	return pnstrdup(message->data, len);
}
