/*
 * regex.c
 *		PCRE2 with JIT: a bounded cache of compiled patterns, and matching
 *		within limits.
 *
 * Called by match.c for the rules that can still win, and when a rule is
 * written.  Everything here is private to the process, and lives as long as it
 * does; a pattern is freed when it leaves the cache.  What PCRE2 allocates never
 * belongs to nobody, because nothing can raise between PCRE2's returning it and
 * its being stored here.
 *
 * What holds a hostile pattern: PCRE2's match limit ends backtracking from one
 * position in the text, but a step may pass over the whole text, and there
 * may be 65,536 positions.  So a text is searched by windows of positions
 * that share one limit, which shrinks as texts grow; between windows
 * interrupts are served and the clock is read.  A window that reaches its
 * limit is searched again in smaller ones, down to a single position.
 */
#include "postgres.h"

#include "rules/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/guc.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "rules/cache_stat.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* \C could split a character and make a capture that is no text. */
#define COMPILE_OPTIONS \
	(PCRE2_UTF | PCRE2_USE_OFFSET_LIMIT | PCRE2_NEVER_BACKSLASH_C)

#define JIT_STACK_START		(32 * 1024)
#define JIT_STACK_MAX		(1024 * 1024)
#define HEAP_LIMIT			(4 * 1024)	/* kB, when JIT doesn't run */

/* One pattern may search one text for about so long. */
#define TIME_LIMIT_US		50000

/* Positions of a window, at first and at most. */
#define WINDOW_START		256
#define WINDOW_MAX			1024

/* Beyond this length the limit shrinks, to a tenth at ten times the length. */
#define FULL_LIMIT_BYTES	4096
#define MAX_LIMIT_DIVISOR	10

/* A compiled pattern, by the hash of its text. */
typedef struct HomeoRegex
{
	uint8		key[16];
	dlist_node	lru;
	pcre2_code *code;
	size_t		bytes;			/* of it, as compiled by JIT, too */
	bool		starts_at_offset;
} HomeoRegex;

static pcre2_compile_context * compile_context = NULL;
static pcre2_match_context * match_context = NULL;
static pcre2_jit_stack * jit_stack = NULL;
static pcre2_match_data * match_data = NULL;
static uint32 match_data_pairs = 0;

/* The cache, and its patterns, the one used last at the head. */
static HTAB *regexes = NULL;
static dlist_head by_use = DLIST_STATIC_INIT(by_use);

/* The one that matched last. */
static const HomeoRegex *matched = NULL;

static void
forget(HomeoRegex *regex)
{
	if (regex == matched)
		matched = NULL;
	dlist_delete(&regex->lru);
	homeo_cache_stat_hold(HOMEO_CACHE_PATTERNS, -1, -(int64) regex->bytes);
	pcre2_code_free(regex->code);
	(void) hash_search(regexes, regex->key, HASH_REMOVE, NULL);
}

void
homeo_regex_forget_all(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &by_use)
		forget(dlist_container(HomeoRegex, lru, iter.cur));
}

static void
out_of_memory(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of memory"),
			 errdetail("PCRE2 could not allocate memory for a pattern.")));
}

/* Makes what all patterns share, once for the process. */
static void
prepare(void)
{
	if (regexes == NULL)
	{
		HASHCTL		control = {
			.keysize = sizeof(((HomeoRegex *) NULL)->key),
			.entrysize = sizeof(HomeoRegex),
			.hcxt = TopMemoryContext
		};

		regexes = hash_create("homeostasis patterns", 256, &control,
							  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	if (compile_context == NULL)
	{
		compile_context = pcre2_compile_context_create(NULL);
		if (compile_context == NULL)
			out_of_memory();
		/* As Vectorscan has it, whatever PCRE2 was built with. */
		pcre2_set_newline(compile_context, PCRE2_NEWLINE_LF);
	}
	if (match_context == NULL)
	{
		match_context = pcre2_match_context_create(NULL);
		if (match_context == NULL)
			out_of_memory();
		pcre2_set_heap_limit(match_context, HEAP_LIMIT);
		/* Without a stack of its own JIT uses 32 kB of the machine's. */
		jit_stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX,
										   NULL);
		if (jit_stack != NULL)
			pcre2_jit_stack_assign(match_context, NULL, jit_stack);
	}
}

static pcre2_code *
compile(HomeoSlice source, bool multiline, int *error, PCRE2_SIZE * offset)
{
	prepare();
	return pcre2_compile((PCRE2_SPTR) source.data, source.len,
						 COMPILE_OPTIONS | (multiline ? PCRE2_MULTILINE : 0),
						 error, offset, compile_context);
}

bool
homeo_regex_check(HomeoSlice source, HomeoRegexProblem *problem)
{
	int			error;
	PCRE2_SIZE	offset;
	pcre2_code *code = compile(source, false, &error, &offset);

	if (code != NULL)
	{
		pcre2_code_free(code);
		return true;
	}
	problem->offset = 0;
	for (size_t i = 0; i < offset; i++)
	{
		if ((source.data[i] & 0xC0) != 0x80)
			problem->offset++;
	}
	pcre2_get_error_message(error, (PCRE2_UCHAR *) problem->message,
							sizeof(problem->message));
	return false;
}

/* Makes room in match_data for the groups of the code. */
static void
fit_match_data(const pcre2_code * code)
{
	uint32		groups = 0;

	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
	if (match_data != NULL && match_data_pairs >= groups + 1)
		return;
	pcre2_match_data_free(match_data);
	match_data_pairs = Max(groups + 1, 16);
	match_data = pcre2_match_data_create(match_data_pairs, NULL);
	if (match_data == NULL)
		out_of_memory();
}

static size_t
bytes_of(const pcre2_code * code)
{
	size_t		bytes = 0;
	size_t		jit_bytes = 0;

	pcre2_pattern_info(code, PCRE2_INFO_SIZE, &bytes);
	pcre2_pattern_info(code, PCRE2_INFO_JITSIZE, &jit_bytes);
	return bytes + jit_bytes;
}

/*
 * The compiled pattern, from the cache if that holds it.  NULL when PCRE2
 * refuses it, which it did not when the rule was written.
 */
static HomeoRegex *
acquire(const HomeoRegexSource *source)
{
	HomeoRegex *regex;
	pcre2_code *code;
	int			error;
	PCRE2_SIZE	offset;

	prepare();
	regex = hash_search(regexes, source->key, HASH_FIND, NULL);
	if (regex != NULL)
	{
		dlist_move_head(&by_use, &regex->lru);
		homeo_cache_stat_count(HOMEO_CACHE_PATTERNS, HOMEO_CACHE_HIT);
		return regex;
	}
	homeo_cache_stat_count(HOMEO_CACHE_PATTERNS, HOMEO_CACHE_MISS);
	while (!dlist_is_empty(&by_use) &&
		   hash_get_num_entries(regexes) >= homeo_guc_rule_cache_size)
	{
		homeo_cache_stat_count(HOMEO_CACHE_PATTERNS, HOMEO_CACHE_EVICTION);
		forget(dlist_container(HomeoRegex, lru, dlist_tail_node(&by_use)));
	}

	/* Made first: an error may not leave code that nobody has. */
	regex = hash_search(regexes, source->key, HASH_ENTER, NULL);
	code = compile(source->text, source->multiline, &error, &offset);
	if (code == NULL)
	{
		(void) hash_search(regexes, source->key, HASH_REMOVE, NULL);
		return NULL;
	}
	regex->code = code;
	regex->starts_at_offset = source->starts_at_offset;
	dlist_push_head(&by_use, &regex->lru);
	/* Where JIT can't be had, or not for this pattern, PCRE2 interprets. */
	pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	regex->bytes = bytes_of(code);
	homeo_cache_stat_hold(HOMEO_CACHE_PATTERNS, 1, (int64) regex->bytes);
	return regex;
}

/* True when PCRE2 looks for the pattern at one position only. */
static bool
is_anchored(const HomeoRegex *regex)
{
	uint32		options = 0;

	pcre2_pattern_info(regex->code, PCRE2_INFO_ALLOPTIONS, &options);
	return (options & PCRE2_ANCHORED) != 0;
}

/* Steps that a position of a text of this length may take. */
static uint32
position_limit(size_t len)
{
	size_t		divisor = len / FULL_LIMIT_BYTES;

	return (uint32) (homeo_guc_match_limit /
					 Max(Min(divisor, MAX_LIMIT_DIVISOR), 1));
}

/* Searches from start, with an equal share of the limit for each position. */
static int
search_window(const HomeoRegex *regex, HomeoSlice subject, size_t start,
			  size_t positions, bool last)
{
	uint32		limit = Max(position_limit(subject.len) / positions, 1);

	pcre2_set_match_limit(match_context, limit);
	pcre2_set_depth_limit(match_context, limit);

	/* A match may begin at the offset limit but not behind it. */
	pcre2_set_offset_limit(match_context,
						   last ? PCRE2_UNSET : start + positions - 1);
	return pcre2_match(regex->code, (PCRE2_SPTR) subject.data, subject.len,
					   start, PCRE2_NO_UTF_CHECK, match_data, match_context);
}

static bool
is_over(instr_time began)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, began);
	return INSTR_TIME_GET_MICROSEC(now) > TIME_LIMIT_US;
}

/*
 * Searches the subject window by window.  Returns pcre2_match()'s result, or
 * PCRE2_ERROR_MATCHLIMIT when time is up.
 */
static int
search(const HomeoRegex *regex, HomeoSlice subject)
{
	size_t		window = WINDOW_START;
	size_t		start = 0;
	instr_time	began;

	if (is_anchored(regex))
		return search_window(regex, subject, 0, 1, true);
	/* \G means where a search began, so this must be one. */
	if (regex->starts_at_offset)
		return search_window(regex, subject, 0, subject.len + 1, true);

	INSTR_TIME_SET_CURRENT(began);
	for (;;)
	{
		size_t		rest = subject.len - start + 1;
		bool		last = rest <= window;
		size_t		positions = Min(rest, window);
		int			result = search_window(regex, subject, start, positions,
										   last);

		if (result == PCRE2_ERROR_NOMATCH)
		{
			if (last)
				return result;
			start += window;
			while (start < subject.len && (subject.data[start] & 0xC0) == 0x80)
				start++;
			window = Min(window * 2, WINDOW_MAX);
		}
		else if (result < 0 && positions > 1)
			window = (positions + 3) / 4;
		else
			return result;

		CHECK_FOR_INTERRUPTS();
		if (is_over(began))
			return PCRE2_ERROR_MATCHLIMIT;
	}
}

HomeoRegexOutcome
homeo_regex_match(const HomeoRegexSource *source, HomeoSlice subject)
{
	HomeoRegex *regex = acquire(source);
	int			result;

	if (regex == NULL)
		return HOMEO_REGEX_DIFFERS;
	fit_match_data(regex->code);
	result = search(regex, subject);
	if (result >= 0)
	{
		matched = regex;
		return HOMEO_REGEX_MATCHES;
	}
	return result == PCRE2_ERROR_NOMATCH ?
		HOMEO_REGEX_DIFFERS : HOMEO_REGEX_LIMIT;
}

void
homeo_regex_captures(HomeoSlice subject, HomeoRegexCapture capture, void *arg)
{
	PCRE2_SIZE *offsets;
	PCRE2_SPTR	table = NULL;
	uint32		names = 0;
	uint32		entry_size = 0;

	if (matched == NULL)
		return;
	offsets = pcre2_get_ovector_pointer(match_data);
	pcre2_pattern_info(matched->code, PCRE2_INFO_NAMECOUNT, &names);
	if (names == 0)
		return;
	pcre2_pattern_info(matched->code, PCRE2_INFO_NAMETABLE, &table);
	pcre2_pattern_info(matched->code, PCRE2_INFO_NAMEENTRYSIZE, &entry_size);

	/* An entry is the group's number in two bytes, then its name. */
	for (uint32 i = 0; i < names; i++, table += entry_size)
	{
		int			group = (table[0] << 8) | table[1];
		PCRE2_SIZE	from = offsets[2 * group];
		PCRE2_SIZE	to = offsets[2 * group + 1];
		HomeoSlice	name = {(const char *) table + 2, 0};
		HomeoSlice	value;

		/* \K in a lookahead can make a group end before it starts. */
		if (from == PCRE2_UNSET || to < from)
			continue;
		name.len = strlen(name.data);
		value.data = subject.data + from;
		value.len = to - from;
		capture(name, value, arg);
	}
}
