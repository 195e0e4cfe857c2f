/*
 * propose.c
 *		Proposes patterns for messages that no rule matches.
 *
 * Only first lines are looked at.  normalize.c puts placeholders in place of
 * what varies in one message; messages with as many words, most of them the
 * same, are one group, and where their words differ there is a placeholder,
 * too.  A group's pattern quotes the rest literally, which also lets a scan
 * find it.  What becomes of placeholders is tried from strict to loose until
 * PCRE2 finds the pattern in every message, so a wrong guess costs precision
 * and nothing else.
 *
 * Needs no table and no transaction.  Compiled patterns go into the cache of
 * regex.c, as those of rules do.
 */
#include "postgres.h"

#include "rules/propose.h"

#include "base/compat.h"
#include "base/ascii.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/hash128.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "rules/regex.h"
#include "rules/rule.h"
#include "rules/subject.h"
#include "rules/syntax.h"
#include "text/normalize.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* So much of a first line says what it is about. */
#define LINE_BYTES		500

/* Placeholders may be longer than what they stand for. */
#define NORMAL_BYTES	(4 * LINE_BYTES)

/* Fewer letters and digits that never vary say nothing. */
#define MIN_CONSTANT	4

/* Messages are alike when so many of so many words are the same. */
#define ALIKE_OF		5
#define ALIKE			3

/* A word of a group: varies between head and tail, or is head alone. */
typedef struct GroupWord
{
	HomeoSlice	head;
	HomeoSlice	tail;
	bool		varies;
} GroupWord;

typedef struct MessageGroup
{
	HomeoProposal *proposal;
	GroupWord  *words;
	int			nwords;
	bool		whole;			/* nothing comes behind the words */
} MessageGroup;

/* Strict to loose. */
typedef enum Level
{
	LEVEL_CLASSES,				/* each placeholder has its class */
	LEVEL_ANYTHING,				/* each stands for any text in the line */
	LEVEL_LOOSE,				/* so do blanks for any, and both ends are
								 * open */
	LEVEL_COUNT
} Level;

/* What normalize.c writes, and what that stands for. */
static const struct
{
	const char *placeholder;
	const char *regex;
}			classes[] = {
	{"<n>", "[-+]?\\d[\\d.,]*"},
	{"<uuid>", "[0-9A-Fa-f-]{36}"},
	{"<hex>", "[0-9A-Fa-fx:/\\\\]+"},
	{"<ip>", "[0-9A-Fa-f.:/\\[\\]]+"},
	{"<date>", "[\\w:.,/+ -]+?"},
	{"<duration>", "\\d[\\w:., ]*?"},
	{"<size>", "\\d[\\d.,]* ?\\w+"},
	{"<email>", "\\S+"},
	{"<url>", "\\S+"},
	{"<host>", "\\S+"},
	{"<path>", "\\S+"},
	{"'<value>'", "'[^']*'"},
	{"\"<value>\"", "\"[^\"]*\""},
};

/* ----------------------------------------------------------------
 * Words
 * ----------------------------------------------------------------
 */

/* The first line, cut; *whole: there is nothing behind it. */
static HomeoSlice
first_line(HomeoSlice message, bool *whole)
{
	HomeoSlice	line = message;
	size_t		n = 0;

	while (n < message.len && message.data[n] != '\n' && message.data[n] != '\r')
		n++;
	if (n > LINE_BYTES)
		n = pg_encoding_mbcliplen(PG_UTF8, message.data, n, LINE_BYTES);
	line.len = n;
	/* A single line end is before what $ matches. */
	*whole = n == message.len ||
		(n + 1 == message.len && message.data[n] == '\n');
	return line;
}

static size_t
count_blanks(const char *normal, size_t len)
{
	size_t		n = 0;

	for (size_t i = 0; i < len; i++)
		n += normal[i] == ' ';
	return n;
}

/* Splits a normalised line; returns how many words there are. */
static int
split(const char *normal, size_t len, GroupWord **words)
{
	int			nwords = 0;
	size_t		start = 0;

	*words = palloc0(sizeof(GroupWord) * (count_blanks(normal, len) + 1));
	for (size_t i = 0; i <= len; i++)
	{
		if (i < len && normal[i] != ' ')
			continue;
		if (i > start)
			(*words)[nwords++].head = homeo_slice(normal + start, i - start);
		start = i + 1;
	}
	return nwords;
}

static bool
same_word(const GroupWord *word, const GroupWord *other)
{
	return !word->varies && homeo_slice_equals(word->head, other->head);
}

static bool
is_name_char(char c)
{
	return homeo_ascii_is_alnum(c) || homeo_ascii_is_high(c);
}

/* What both begin with, up to a character that ends a name. */
static HomeoSlice
common_head(HomeoSlice a, HomeoSlice b)
{
	size_t		n = 0;
	size_t		open;

	while (n < Min(a.len, b.len) && a.data[n] == b.data[n])
		n++;
	while (n > 0 && is_name_char(a.data[n - 1]))
		n--;
	/* Not into a placeholder. */
	for (open = n; open > 0 && a.data[open - 1] != '<'; open--)
	{
		if (a.data[open - 1] == '>')
			return homeo_slice(a.data, n);
	}
	return homeo_slice(a.data, open > 0 ? open - 1 : n);
}

/* What both end with, from a character that ends a name; at most most bytes. */
static HomeoSlice
common_tail(HomeoSlice a, HomeoSlice b, size_t most)
{
	size_t		n = 0;
	size_t		close;

	most = Min(most, Min(a.len, b.len));
	while (n < most && a.data[a.len - n - 1] == b.data[b.len - n - 1])
		n++;
	while (n > 0 && is_name_char(a.data[a.len - n]))
		n--;
	for (close = n; close > 0 && a.data[a.len - close] != '>'; close--)
	{
		if (a.data[a.len - close] == '<')
			return homeo_slice(a.data + a.len - n, n);
	}
	if (close > 0)
		n = close - 1;
	return homeo_slice(a.data + a.len - n, n);
}

/* Makes a word of a group stand for another one as well. */
static void
widen(GroupWord *word, const GroupWord *other)
{
	HomeoSlice	end = word->varies ? word->tail : word->head;
	HomeoSlice	head;
	size_t		room;

	if (same_word(word, other))
		return;
	head = common_head(word->head, other->head);
	room = other->head.len - head.len;
	if (!word->varies)
		room = Min(room, end.len - head.len);
	word->tail = common_tail(end, other->head, room);
	word->head = head;
	word->varies = true;
}

/* ----------------------------------------------------------------
 * Groups
 * ----------------------------------------------------------------
 */

/* How many words of a message are as in the group; -1: it is another one. */
static int
likeness(const MessageGroup *group, const GroupWord *words, int nwords)
{
	int			same = 0;

	if (group->nwords != nwords)
		return -1;
	for (int i = 0; i < nwords; i++)
		same += same_word(&group->words[i], &words[i]);
	return same * ALIKE_OF >= nwords * ALIKE ? same : -1;
}

static MessageGroup *
find_group(List *groups, const GroupWord *words, int nwords)
{
	MessageGroup *best = NULL;
	int			most = -1;
	ListCell   *lc;

	foreach(lc, groups)
	{
		MessageGroup *group = lfirst(lc);
		int			same = likeness(group, words, nwords);

		if (same > most)
		{
			best = group;
			most = same;
		}
	}
	return best;
}

/*
 * Puts a message into a group, a new one if none is like it.  The words of a
 * group are pieces of its first message.
 */
static List *
add_message(List *groups, const HomeoProposeMessage *message, int number)
{
	char		normal[NORMAL_BYTES];
	bool		whole;
	HomeoSlice	line = first_line(message->message, &whole);
	size_t		len = homeo_normalize(line.data, line.len,
									  homeo_normalize_mode_for_sqlstate(message->sqlstate),
									  normal, NORMAL_BYTES);
	GroupWord  *words;
	int			nwords = split(normal, len, &words);
	MessageGroup *group = find_group(groups, words, nwords);

	if (group == NULL)
	{
		pfree(words);
		nwords = split(pnstrdup(normal, len), len, &words);
		group = palloc0(sizeof(MessageGroup));
		group->proposal = palloc0(sizeof(HomeoProposal));
		group->words = words;
		group->nwords = nwords;
		group->whole = true;
		groups = lappend(groups, group);
	}
	else
	{
		for (int i = 0; i < nwords; i++)
			widen(&group->words[i], &words[i]);
		pfree(words);
	}
	group->whole = group->whole && whole;
	group->proposal->members = lappend_int(group->proposal->members, number);
	return groups;
}

/* ----------------------------------------------------------------
 * Patterns
 * ----------------------------------------------------------------
 */

/* Number of the placeholder that the text begins with, or -1. */
static int
placeholder_at(const char *p, size_t len)
{
	for (int i = 0; i < lengthof(classes); i++)
	{
		if (homeo_ascii_starts(p, len, classes[i].placeholder))
			return i;
	}
	return -1;
}

/* Text with placeholders as a pattern; counts what is constant in it. */
static void
put_text(StringInfo pattern, HomeoSlice given, Level level, int *constant)
{
	size_t		i = 0;

	while (i < given.len)
	{
		int			what = placeholder_at(given.data + i, given.len - i);
		char		c = given.data[i];

		if (what >= 0)
		{
			appendStringInfoString(pattern, level == LEVEL_CLASSES ?
								   classes[what].regex : ".+?");
			i += strlen(classes[what].placeholder);
			continue;
		}
		if (homeo_ascii_is_one_of(c, "\\^$.[]|()?*+{}"))
			appendStringInfoChar(pattern, '\\');
		appendStringInfoChar(pattern, c);
		*constant += is_name_char(c);
		i++;
	}
}

/* What stands between the head and the tail of a word that varies. */
static const char *
gap(const GroupWord *word, Level level)
{
	char		before = word->head.len > 0 ? word->head.data[word->head.len - 1] : ' ';
	char		after = word->tail.len > 0 ? word->tail.data[0] : ' ';

	if (level != LEVEL_CLASSES)
		return ".*?";
	if (before == '"' && after == '"')
		return "[^\"]*";
	if (before == '\'' && after == '\'')
		return "[^']*";
	return before == ' ' && after == ' ' ? "\\S+" : "\\S*";
}

/* The group's pattern, UTF-8; counts letters and digits that do not vary. */
static HomeoSlice
make_pattern(const MessageGroup *group, Level level, int *constant)
{
	StringInfoData pattern;

	initStringInfo(&pattern);
	*constant = 0;
	if (level != LEVEL_LOOSE)
		appendStringInfoChar(&pattern, '^');
	for (int i = 0; i < group->nwords; i++)
	{
		const GroupWord *word = &group->words[i];

		if (i > 0)
			appendStringInfoString(&pattern, level == LEVEL_LOOSE ? "\\s+" : " ");
		put_text(&pattern, word->head, level, constant);
		if (word->varies)
		{
			appendStringInfoString(&pattern, gap(word, level));
			put_text(&pattern, word->tail, level, constant);
		}
	}
	if (level != LEVEL_LOOSE && group->whole)
		appendStringInfoChar(&pattern, '$');
	return homeo_slice(pattern.data, pattern.len);
}

/* Whether it compiles, matches all of the group, and not nothing. */
static bool
holds(HomeoSlice pattern, const MessageGroup *group,
	  const HomeoProposeMessage *messages)
{
	static const HomeoSlice nothing = {"", 0};
	HomeoRegexSource source = {.text = pattern};
	HomeoRegexProblem problem;
	uint8		key[16];
	ListCell   *lc;

	if (pattern.len > HOMEO_PATTERN_MAX_BYTES ||
		!homeo_regex_check(pattern, &problem))
		return false;
	homeo_hash128(pattern.data, pattern.len, 0, key);
	source.key = key;
	source.starts_at_offset = homeo_syntax_read(pattern).starts_at_offset;
	if (homeo_regex_match(&source, nothing) != HOMEO_REGEX_DIFFERS)
		return false;
	foreach(lc, group->proposal->members)
	{
		CHECK_FOR_INTERRUPTS();
		if (homeo_regex_match(&source, messages[lfirst_int(lc)].message) !=
			HOMEO_REGEX_MATCHES)
			return false;
	}
	return true;
}

/* The first pattern, from strict to loose, that holds. */
static void
propose_pattern(MessageGroup *group, const HomeoProposeMessage *messages)
{
	HomeoProposal *proposal = group->proposal;

	for (Level level = LEVEL_CLASSES; level < LEVEL_COUNT; level++)
	{
		int			constant;
		HomeoSlice	pattern = make_pattern(group, level, &constant);

		if (constant < MIN_CONSTANT)
		{
			proposal->reason = "hardly anything in the message stays the same: a rule has to go by other conditions";
			return;
		}
		if (holds(pattern, group, messages))
		{
			proposal->pattern = pattern;
			return;
		}
	}
	proposal->reason = "no pattern made from it matches all of these messages";
}

/* What people read: <*> where words differ. */
static void
propose_wording(MessageGroup *group)
{
	StringInfoData wording;

	initStringInfo(&wording);
	for (int i = 0; i < group->nwords; i++)
	{
		const GroupWord *word = &group->words[i];

		if (i > 0)
			appendStringInfoChar(&wording, ' ');
		appendBinaryStringInfo(&wording, word->head.data ? word->head.data : "",
							   (int) word->head.len);
		if (!word->varies)
			continue;
		appendStringInfoString(&wording, "<*>");
		appendBinaryStringInfo(&wording, word->tail.data ? word->tail.data : "",
							   (int) word->tail.len);
	}
	group->proposal->wording.data = wording.data;
	group->proposal->wording.len = wording.len;
}

List *
homeo_propose(const HomeoProposeMessage *messages, int nmessages)
{
	List	   *groups = NIL;
	List	   *proposals = NIL;
	ListCell   *lc;

	for (int i = 0; i < nmessages; i++)
	{
		CHECK_FOR_INTERRUPTS();
		groups = add_message(groups, &messages[i], i);
	}
	foreach(lc, groups)
	{
		MessageGroup *group = lfirst(lc);

		propose_pattern(group, messages);
		propose_wording(group);
		proposals = lappend(proposals, group->proposal);
	}
	return proposals;
}

/* ----------------------------------------------------------------
 * The SQL function
 * ----------------------------------------------------------------
 */

/* The elements of two text arrays of equal length; returns how many. */
static int
read_messages(ArrayType *texts, ArrayType *sqlstates,
			  HomeoProposeMessage **messages)
{
	Datum	   *values;
	Datum	   *codes;
	bool	   *nulls;
	bool	   *no_code;
	int			nvalues;
	int			ncodes;

	deconstruct_array(texts, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls,
					  &nvalues);
	deconstruct_array(sqlstates, TEXTOID, -1, false, TYPALIGN_INT, &codes,
					  &no_code, &ncodes);
	if (nvalues != ncodes)
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_ARGUMENT),
				 errmsg("there are %d messages and %d sqlstates", nvalues, ncodes),
				 errhint("Give one SQLSTATE, or null, for each message.")));
	*messages = palloc0(sizeof(HomeoProposeMessage) * Max(nvalues, 1));
	for (int i = 0; i < nvalues; i++)
	{
		HomeoSlice	given = {"", 0};

		if (!nulls[i])
		{
			text	   *value = DatumGetTextPP(values[i]);

			given.data = VARDATA_ANY(value);
			given.len = VARSIZE_ANY_EXHDR(value);
		}
		(*messages)[i].message = homeo_subject_make(given,
													homeo_guc_match_subject_limit);
		if (!no_code[i])
			(*messages)[i].sqlstate = TextDatumGetCString(codes[i]);
	}
	return nvalues;
}

/* UTF-8 as a text of the database. */
static Datum
text_datum(HomeoSlice utf8)
{
	HomeoSlice	copy = homeo_subject_restore(utf8);

	return PointerGetDatum(cstring_to_text_with_len(copy.data, (int) copy.len));
}

PG_FUNCTION_INFO_V1(homeo_propose_patterns);

/*
 * homeostasis.propose_patterns(messages text[], sqlstates text[])
 */
Datum
homeo_propose_patterns(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HomeoProposeMessage *messages;
	int			nmessages;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	nmessages = read_messages(PG_GETARG_ARRAYTYPE_P(0),
							  PG_GETARG_ARRAYTYPE_P(1), &messages);
	foreach(lc, homeo_propose(messages, nmessages))
	{
		HomeoProposal *proposal = lfirst(lc);
		int			nmembers = list_length(proposal->members);
		Datum	   *members = palloc(sizeof(Datum) * nmembers);
		Datum		values[4] = {0};
		bool		nulls[4] = {false};

		for (int i = 0; i < nmembers; i++)
			members[i] = Int32GetDatum(list_nth_int(proposal->members, i) + 1);
		values[0] = PointerGetDatum(construct_array(members, nmembers, INT4OID,
													sizeof(int32), true,
													TYPALIGN_INT));
		values[1] = text_datum(proposal->wording);
		nulls[2] = proposal->pattern.data == NULL;
		if (!nulls[2])
			values[2] = text_datum(proposal->pattern);
		nulls[3] = proposal->reason == NULL;
		if (!nulls[3])
			values[3] = CStringGetTextDatum(proposal->reason);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
