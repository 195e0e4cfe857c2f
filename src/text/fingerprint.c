/*
 * fingerprint.c
 *		128 bits that are the same for two occurrences of the same problem.
 *
 * Anybody may call it, in any process, also without PostgreSQL: it includes
 * no postgres.h so that it can be built and fuzzed alone.  No locks, no
 * memory but the stack (about 2 kB).
 *
 * What is hashed comes from outside, and the hash (hash128.h) is not a
 * cryptographic one.  Whoever makes two events collide on purpose has two
 * issues merged into one, which they could have had by sending the same
 * event twice; split() takes them apart.
 */
#include "text/fingerprint.h"

#include <string.h>

#include "base/ascii.h"
#include "text/normalize.h"
#include "text/sql_text.h"

/* Never renumber: that would make every stored fingerprint a stranger. */
typedef enum FieldTag
{
	TAG_LANGUAGE = 1,
	TAG_SQLSTATE = 2,
	TAG_ERROR_TYPE = 3,
	TAG_MESSAGE = 4,
	TAG_SCHEMA = 5,
	TAG_TABLE = 6,
	TAG_COLUMN = 7,
	TAG_CONSTRAINT = 8,
	TAG_DATATYPE = 9,
	TAG_FUNCTION = 10,
	TAG_PLACE = 11,
	TAG_FRAMES = 12,
	TAG_STATEMENT = 13,
	TAG_IMITATED = 14,
	TAG_SEARCH_PATH = 15,
	TAG_LINE = 16
} FieldTag;

/*
 * The innermost frames say where it happened.  Farther out there are
 * dispatchers and main loops, which one problem may come through by several
 * ways.
 */
#define MAX_APP_FRAMES		8
#define MAX_LIBRARY_FRAMES	3
#define MAX_NAME			256

/* The least length of a hexadecimal part of a name that a build tool made. */
#define MIN_BUILD_HASH		8

void
homeo_fingerprint_init(HomeoFingerprintBuilder *builder, uint32_t version)
{
	homeo_hash128_init(&builder->hash, version);
}

void
homeo_fingerprint_add_field(HomeoFingerprintBuilder *builder, uint8_t tag,
							const char *text, size_t len)
{
	uint8_t		head[9];
	uint64_t	rest = len;
	int			i;

	head[0] = tag;
	for (i = 1; i < 9; i++)
	{
		head[i] = (uint8_t) rest;
		rest >>= 8;
	}
	homeo_hash128_update(&builder->hash, head, sizeof(head));
	homeo_hash128_update(&builder->hash, text, len);
}

void
homeo_fingerprint_final(const HomeoFingerprintBuilder *builder,
						HomeoFingerprint *out)
{
	homeo_hash128_final(&builder->hash, out->bytes);
}

/* ----------------------------------------------------------------
 * Events
 * ----------------------------------------------------------------
 */
static void
add_slice(HomeoFingerprintBuilder *builder, FieldTag tag, HomeoSlice s)
{
	if (s.len > 0)
		homeo_fingerprint_add_field(builder, (uint8_t) tag, s.data, s.len);
}

/* The same for names of which reporters don't agree on the case. */
static void
add_nocase(HomeoFingerprintBuilder *builder, FieldTag tag, HomeoSlice s)
{
	char		name[MAX_NAME];
	size_t		n;

	for (n = 0; n < s.len && n < sizeof(name); n++)
		name[n] = homeo_ascii_lower(s.data[n]);
	add_slice(builder, tag, homeo_slice(name, n));
}

static void
add_normalized(HomeoFingerprintBuilder *builder, FieldTag tag, HomeoSlice s,
			   HomeoNormalizeMode mode)
{
	char		normalized[HOMEO_FINGERPRINT_MESSAGE_BYTES];
	size_t		n;

	n = homeo_normalize(s.data, s.len, mode, normalized, sizeof(normalized));
	add_slice(builder, tag, homeo_slice(normalized, n));
}

static void
add_message(HomeoFingerprintBuilder *builder, HomeoSlice sqlstate,
			HomeoSlice message)
{
	add_normalized(builder, TAG_MESSAGE, message,
				   homeo_normalize_mode_for_sqlstate(sqlstate.len == 5 ?
													 sqlstate.data : NULL));
}

/*
 * Errors that name nothing, or no more than a column, although each statement
 * that raises them is a problem of its own, with a cure of its own: about
 * values and rows of whatever it works on, about how it is put together, or
 * about what it waited for or how long it took.  An SQLSTATE or its class; the
 * first prefix that fits decides.
 *
 * Not among them: what tells its object in the message, what is cured outside
 * of the statement (a read-only server, a transaction that has failed, a
 * serialization failure), and syntax errors, of which whoever can send text
 * makes as many as he likes.
 */
static const struct
{
	const char *prefix;
	bool		of_statement;
}			places[] =

{
	/* more than one row returned by a subquery used as an expression */
	{"21", true},
	/* reached maximum value of sequence "s" */
	{"2200H", false},
	/* character of a client's encoding that the database's lacks */
	{"22021", false}, {"22P05", false},
	/* value too long for type character varying(10), division by zero */
	{"22", true},
	/* deadlock detected */
	{"40P01", true},
	/* column reference "id" is ambiguous; must appear in GROUP BY */
	{"42702", true}, {"42803", true},
	/* column "a" is of type integer but expression is of type text */
	{"42804", true}, {"42P18", true},
	/* no unique constraint matching the ON CONFLICT specification */
	{"42P10", true},
	/* canceling statement due to lock timeout, statement timeout */
	{"55P03", true}, {"57014", true}
};

static bool
is_of_statement(HomeoSlice sqlstate)
{
	size_t		i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
	{
		if (homeo_ascii_starts(sqlstate.data, sqlstate.len, places[i].prefix))
			return places[i].of_statement;
	}
	return false;
}

/*
 * Adds the statement of such an error: the one that a function was running,
 * else what the client sent, if it was not in a function at all.  The server's
 * query id would not do: it differs with the number of rows of an INSERT and
 * from one temporary table to the next, and what the parser finds has none.
 */
static void
add_statement(HomeoFingerprintBuilder *builder,
			  const HomeoFingerprintInput *in)
{
	char		normalized[HOMEO_FINGERPRINT_MESSAGE_BYTES];
	HomeoSlice	statement = homeo_sql_text_innermost(in->context);
	size_t		n;

	if (statement.len == 0 && in->has_frames)
		return;
	if (statement.len == 0)
		statement = in->statement;
	n = homeo_sql_text_normalize(statement.data, statement.len, normalized,
								 sizeof(normalized));
	if (n == 0)
		return;
	add_slice(builder, TAG_STATEMENT, homeo_slice(normalized, n));
	/* The same text means other tables with another path. */
	add_slice(builder, TAG_SEARCH_PATH, in->search_path);
}

/* The length of a part of a name that changes with every build; 0: none. */
static size_t
build_hash(const char *p, size_t len)
{
	bool		digit = false;
	bool		letter = false;
	size_t		n;

	for (n = 0; n < len && homeo_ascii_is_hex(p[n]); n++)
	{
		if (homeo_ascii_is_digit(p[n]))
			digit = true;
		else
			letter = true;
	}
	if (n < MIN_BUILD_HASH || !digit || !letter ||
		(n < len && homeo_ascii_is_word(p[n])))
		return 0;
	return n;
}

/*
 * Adds the name of a function, class or file without what differs from one
 * build or run to the next: numbers that compilers give to lambdas and
 * proxies (lambda$run$3, Foo$$Lambda$14/0x00c0), and the hashes in the names
 * of bundled files (main.5f3a9c1d.js).
 */
static void
add_name(HomeoFingerprintBuilder *builder, FieldTag tag, HomeoSlice s)
{
	char		name[MAX_NAME];
	size_t		n = 0;
	size_t		i = 0;

	while (i < s.len && n < sizeof(name))
	{
		char		before = i > 0 ? s.data[i - 1] : '.';
		size_t		skip = 0;

		if (before == '$')
		{
			while (i + skip < s.len && homeo_ascii_is_digit(s.data[i + skip]))
				skip++;
		}
		else if (before == '/' && homeo_ascii_starts(s.data + i, s.len - i,
													 "0x"))
		{
			for (skip = 2; i + skip < s.len &&
				 homeo_ascii_is_hex(s.data[i + skip]); skip++)
				;
		}
		else if (before == '.' || before == '-' || before == '_')
			skip = build_hash(s.data + i, s.len - i);
		if (skip > 0)
			i += skip;
		else
			name[n++] = s.data[i++];
	}
	add_slice(builder, tag, homeo_slice(name, n));
}

/* A class or object where there is one, else the file without directories. */
static HomeoSlice
frame_place(const HomeoFrame *frame)
{
	HomeoSlice	file = frame->file;
	size_t		i;

	if (frame->module.len > 0)
		return frame->module;
	for (i = 0; i < file.len; i++)
	{
		if (file.data[i] == '?')
			file.len = i;		/* what a bundler adds to a URL */
	}
	for (i = file.len; i > 0; i--)
	{
		if (file.data[i - 1] == '/' || file.data[i - 1] == '\\')
			return homeo_slice(file.data + i, file.len - i);
	}
	return file;
}

/*
 * A function that calls itself counts once: how often it did so is not what
 * the problem is.
 */
void
homeo_fingerprint_frames(const HomeoFrame *frames, size_t nframes,
						 HomeoFingerprint *out)
{
	HomeoFingerprintBuilder builder;
	const HomeoFrame *last = NULL;
	size_t		wanted = MAX_LIBRARY_FRAMES;
	bool		app_only = false;
	size_t		i;

	homeo_fingerprint_init(&builder, HOMEO_FINGERPRINT_VERSION);
	for (i = 0; i < nframes && !app_only; i++)
		app_only = frames[i].in_app;
	if (app_only)
		wanted = MAX_APP_FRAMES;

	for (i = 0; i < nframes && wanted > 0; i++)
	{
		const HomeoFrame *frame = &frames[i];

		if (app_only && !frame->in_app)
			continue;
		if (last != NULL && homeo_slice_equals(last->function, frame->function) &&
			homeo_slice_equals(frame_place(last), frame_place(frame)))
			continue;
		add_name(&builder, TAG_FUNCTION, frame->function);
		add_name(&builder, TAG_PLACE, frame_place(frame));
		last = frame;
		wanted--;
	}
	homeo_fingerprint_final(&builder, out);
}

/*
 * A violated constraint is the same problem whoever ran into it: the
 * server's own name for the place beats the way that led there.
 */
static bool
names_place(const HomeoFingerprintInput *in)
{
	return in->sqlstate.len > 0 &&
		(in->constraint_name.len > 0 || in->table_name.len > 0);
}

bool
homeo_fingerprint_reads_statement(const HomeoFingerprintInput *in)
{
	return !names_place(in) && is_of_statement(in->sqlstate);
}

void
homeo_fingerprint_event(const HomeoFingerprintInput *in,
						HomeoFingerprint *out)
{
	HomeoFingerprintBuilder builder;

	homeo_fingerprint_init(&builder, HOMEO_FINGERPRINT_VERSION);
	add_nocase(&builder, TAG_LANGUAGE, in->language);
	add_slice(&builder, TAG_SQLSTATE, in->sqlstate);
	add_slice(&builder, TAG_ERROR_TYPE, in->error_type);
	add_message(&builder, in->sqlstate, in->message);

	/*
	 * Whoever raises errors that look like the server's must not be able to
	 * have the cure of a true one rolled back.
	 */
	if (in->imitated)
		homeo_fingerprint_add_field(&builder, TAG_IMITATED, "", 0);

	add_slice(&builder, TAG_SCHEMA, in->schema_name);
	add_slice(&builder, TAG_TABLE, in->table_name);
	add_slice(&builder, TAG_COLUMN, in->column_name);
	add_slice(&builder, TAG_CONSTRAINT, in->constraint_name);
	add_slice(&builder, TAG_DATATYPE, in->datatype_name);

	if (!names_place(in) && in->has_frames)
		homeo_fingerprint_add_field(&builder, TAG_FRAMES,
									(const char *) in->frames.bytes,
									sizeof(in->frames.bytes));
	if (homeo_fingerprint_reads_statement(in))
		add_statement(&builder, in);

	homeo_fingerprint_final(&builder, out);
}

void
homeo_fingerprint_line(HomeoSlice language, HomeoSlice line,
					   HomeoFingerprint *out)
{
	HomeoFingerprintBuilder builder;

	homeo_fingerprint_init(&builder, HOMEO_FINGERPRINT_VERSION);
	add_nocase(&builder, TAG_LANGUAGE, language);
	homeo_fingerprint_add_field(&builder, TAG_LINE, line.data, line.len);
	homeo_fingerprint_final(&builder, out);
}
