/*
 * regex.c
 *		PCRE2 with JIT: a bounded cache of compiled patterns, and matching
 *		within limits.
 *
 * Called by match.c for the rules that can still win, and when a rule is
 * written.  Everything here is private to the process.  What PCRE2 allocates
 * is freed when the context of the pattern table is reset, or earlier, when
 * a pattern leaves the cache; it never belongs to nobody, because nothing
 * can raise between PCRE2's returning it and its being stored here.
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
#include "miscadmin.h"
#include "portability/instr_time.h"
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

static bool registered = false;
static pcre2_compile_context * compile_context = NULL;
static pcre2_match_context * match_context = NULL;
static pcre2_jit_stack * jit_stack = NULL;
static pcre2_match_data * match_data = NULL;
static uint32 match_data_pairs = 0;

/* Compiled patterns, the one used last at the head. */
static dlist_head compiled = DLIST_STATIC_INIT(compiled);
static int	ncompiled = 0;

/* Empties the cache. */
void
homeo_regex_forget_all(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &compiled)
		homeo_regex_forget(dlist_container(HomeoPattern, lru, iter.cur));
}

/* The context of the patterns goes: so does what PCRE2 holds for them. */
static void
release(void *arg)
{
	homeo_regex_forget_all();
	pcre2_match_data_free(match_data);
	match_data = NULL;
	match_data_pairs = 0;
	pcre2_jit_stack_free(jit_stack);
	jit_stack = NULL;
	pcre2_match_context_free(match_context);
	match_context = NULL;
	pcre2_compile_context_free(compile_context);
	compile_context = NULL;
	registered = false;
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
	static MemoryContextCallback callback = {.func = release};

	if (!registered)
	{
		MemoryContextRegisterResetCallback(homeo_pattern_context(), &callback);
		registered = true;
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
compile(HomeoSlice source, int *error, PCRE2_SIZE * offset)
{
	prepare();
	return pcre2_compile((PCRE2_SPTR) source.data, source.len, COMPILE_OPTIONS,
						 error, offset, compile_context);
}

/*
 * True when PCRE2 accepts the pattern, which is UTF-8; otherwise says why
 * not.  Raises only when there is no memory.
 */
bool
homeo_regex_check(HomeoSlice source, HomeoRegexProblem *problem)
{
	int			error;
	PCRE2_SIZE	offset;
	pcre2_code *code = compile(source, &error, &offset);

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

/* Takes the pattern out of the cache. */
void
homeo_regex_forget(HomeoPattern *pattern)
{
	if (pattern->code == NULL)
		return;
	dlist_delete(&pattern->lru);
	ncompiled--;
	pcre2_code_free(pattern->code);
	pattern->code = NULL;
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

/*
 * Compiles the pattern if the cache doesn't hold it.  False when PCRE2
 * refuses it, which it did not when the rule was written.
 */
static bool
acquire(HomeoPattern *pattern)
{
	int			error;
	PCRE2_SIZE	offset;

	if (pattern->code != NULL)
	{
		dlist_move_head(&compiled, &pattern->lru);
		return true;
	}
	while (ncompiled > 0 && ncompiled >= homeo_guc_rule_cache_size)
		homeo_regex_forget(dlist_container(HomeoPattern, lru,
										   dlist_tail_node(&compiled)));

	pattern->code = compile(pattern->text, &error, &offset);
	if (pattern->code == NULL)
		return false;
	dlist_push_head(&compiled, &pattern->lru);
	ncompiled++;
	/* Where JIT can't be had, or not for this pattern, PCRE2 interprets. */
	pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE);
	return true;
}

/* True when PCRE2 looks for the pattern at one position only. */
static bool
is_anchored(const HomeoPattern *pattern)
{
	uint32		options = 0;

	pcre2_pattern_info(pattern->code, PCRE2_INFO_ALLOPTIONS, &options);
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
search_window(HomeoPattern *pattern, HomeoSlice subject, size_t start,
			  size_t positions, bool last)
{
	uint32		limit = Max(position_limit(subject.len) / positions, 1);

	pcre2_set_match_limit(match_context, limit);
	pcre2_set_depth_limit(match_context, limit);

	/* A match may begin at the offset limit but not behind it. */
	pcre2_set_offset_limit(match_context,
						   last ? PCRE2_UNSET : start + positions - 1);
	return pcre2_match(pattern->code, (PCRE2_SPTR) subject.data, subject.len,
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
search(HomeoPattern *pattern, HomeoSlice subject)
{
	size_t		window = WINDOW_START;
	size_t		start = 0;
	instr_time	began;

	if (is_anchored(pattern))
		return search_window(pattern, subject, 0, 1, true);
	/* \G means where a search began, so this must be one. */
	if (pattern->syntax.starts_at_offset)
		return search_window(pattern, subject, 0, subject.len + 1, true);

	INSTR_TIME_SET_CURRENT(began);
	for (;;)
	{
		size_t		rest = subject.len - start + 1;
		bool		last = rest <= window;
		size_t		positions = Min(rest, window);
		int			result = search_window(pattern, subject, start, positions,
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

/*
 * Whether the pattern matches the subject, valid UTF-8.  Never raises because
 * of the pattern or the subject.
 */
HomeoRegexOutcome
homeo_regex_match(HomeoPattern *pattern, HomeoSlice subject)
{
	int			result;

	if (!acquire(pattern))
		return HOMEO_REGEX_DIFFERS;
	fit_match_data(pattern->code);

	result = search(pattern, subject);
	if (result >= 0)
		return HOMEO_REGEX_MATCHES;
	return result == PCRE2_ERROR_NOMATCH ?
		HOMEO_REGEX_DIFFERS : HOMEO_REGEX_LIMIT;
}

/*
 * Gives the named groups of the match that homeo_regex_match() found last,
 * which must have been of this pattern and subject.  A group that took no
 * part in it isn't given.
 */
void
homeo_regex_captures(const HomeoPattern *pattern, HomeoSlice subject,
					 HomeoRegexCapture capture, void *arg)
{
	PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(match_data);
	PCRE2_SPTR	table = NULL;
	uint32		names = 0;
	uint32		entry_size = 0;

	pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMECOUNT, &names);
	if (names == 0)
		return;
	pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMETABLE, &table);
	pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMEENTRYSIZE, &entry_size);

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
