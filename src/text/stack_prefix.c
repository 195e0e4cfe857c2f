/*
 * stack_prefix.c
 *		What collectors of logs put before each line of a stack trace.
 *
 * Anybody may call it, in any process, also without PostgreSQL.  No locks; no
 * memory.
 */
#include "text/stack_language.h"

#include "text/stack_scan.h"

/* Words behind a time: host, process, level, stream, thread, and so on. */
#define MAX_WORDS	6

/* Steps over this many digits, with one of these characters behind them. */
static bool
eat_digits(HomeoSlice *s, size_t n, const char *behind)
{
	if (scan_digits(*s) != n || !homeo_ascii_is_one_of(scan_at(*s, n), behind))
		return false;
	*s = scan_from(*s, n + 1);
	return true;
}

/* 12:34:56, with a fraction, and a zone that is part of the same word. */
static bool
eat_clock(HomeoSlice *s)
{
	HomeoSlice	tail = *s;
	size_t		i;

	if (!eat_digits(&tail, 2, ":") || !eat_digits(&tail, 2, ":") ||
		scan_digits(tail) != 2)
		return false;
	i = 2;
	while (i < tail.len && (homeo_ascii_is_alnum(tail.data[i]) ||
							homeo_ascii_is_one_of(tail.data[i], ".,:+-")))
		i++;
	*s = scan_from(tail, i);
	return true;
}

/* Jan 31 or Jan  1, and a blank */
static bool
eat_month_and_day(HomeoSlice *s)
{
	static const char *const months = "JanFebMarAprMayJunJulAugSepOctNovDec";
	HomeoSlice	tail = scan_from(*s, 3);
	size_t		i;

	for (i = 0; i < 36; i += 3)
	{
		if (s->len > 3 && memcmp(s->data, months + i, 3) == 0)
			break;
	}
	if (i == 36 || scan_at(tail, 0) != ' ')
		return false;
	scan_eat_space(&tail);
	if (!eat_digits(&tail, 2, " ") && !eat_digits(&tail, 1, " "))
		return false;
	*s = tail;
	return true;
}

static bool
eat_date(HomeoSlice *s)
{
	HomeoSlice	tail = *s;

	if ((eat_digits(&tail, 4, "-/") && eat_digits(&tail, 2, "-/") &&
		 eat_digits(&tail, 2, "T ")) || eat_month_and_day(&tail))
	{
		*s = tail;
		return true;
	}
	/* logcat's has no year */
	tail = *s;
	if (eat_digits(&tail, 2, "-") && eat_digits(&tail, 2, " "))
	{
		*s = tail;
		return true;
	}
	return false;
}

/* [31-Jan-2024 12:34:56 UTC], with any words of which one is a time */
static bool
eat_bracketed_time(HomeoSlice *s)
{
	size_t		close = scan_find(scan_first(*s, 64), ']');
	size_t		i;

	if (scan_at(*s, close) != ']')
		return false;
	for (i = 1; i < close; i++)
	{
		HomeoSlice	tail = scan_between(*s, i, close);

		if (!homeo_ascii_is_digit(s->data[i - 1]) && eat_clock(&tail))
		{
			*s = scan_from(*s, close + 1);
			return true;
		}
	}
	return false;
}

static bool
is_level(HomeoSlice word)
{
	static const char *const levels[] = {
		"TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERROR",
		"CRITICAL", "FATAL", "SEVERE", "V", "D", "I", "W", "E", "F", "P",
		"stdout", "stderr", "-", "|", "UTC"
	};
	size_t		i;

	for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
	{
		if (scan_equals(word, levels[i]))
			return true;
	}
	return false;
}

/* The first of the words, and what is behind it and one blank. */
static HomeoSlice
take_word(HomeoSlice s, HomeoSlice *rest)
{
	size_t		n = scan_find(s, ' ');

	*rest = scan_from(s, n + 1);
	return scan_first(s, n);
}

/*
 * Steps over one of the words that may be between a time and the text.
 * *host: one that can only be told by what is behind it may still come.
 * *number: the last one was a number.
 */
static bool
eat_word(HomeoSlice *s, bool *host, bool *number)
{
	bool		tagged = *number;
	HomeoSlice	tail = *s;

	HomeoSlice	rest;
	HomeoSlice	word;
	HomeoSlice	next;
	HomeoSlice	behind;
	size_t		close;

	/* logcat fills its columns with blanks. */
	scan_eat_space(&tail);
	if (scan_digits(tail) > 0 && scan_at(tail, scan_digits(tail)) == ' ')
		*s = tail;
	if (scan_at(*s, 0) == '[')
	{
		close = scan_find(scan_first(*s, 64), ']');
		if (scan_at(*s, close) != ']' || scan_at(*s, close + 1) != ' ')
			return false;
		*s = scan_from(*s, close + 2);
		return true;
	}
	word = take_word(*s, &rest);
	if (word.len == 0 || word.len > 64)
		return false;
	*number = scan_digits(word) == word.len;
	if (scan_ends(word, "]:") || *number)
	{
		*s = rest;
		return true;
	}
	if (is_level(word))
	{
		/* logcat: numbers of process and thread, a letter, the tag */
		next = take_word(rest, &behind);
		*s = tagged && word.len == 1 && next.len > 1 && next.len < 64 &&
			scan_last(next) == ':' ? behind : rest;
		return true;
	}
	next = take_word(rest, &behind);
	if (!*host || !scan_ends(next, "]:") ||
		!scan_is_name(word, ".-"))
		return false;
	*host = false;
	*s = rest;
	return true;
}

/* E/AndroidRuntime( 1234): */
static bool
eat_logcat_tag(HomeoSlice *s)
{
	size_t		n;

	if (scan_at(*s, 1) != '/' || !homeo_ascii_is_one_of(s->data[0], "VDIWEF"))
		return false;
	n = scan_find_text(scan_first(*s, 64), "): ");
	if (n == s->len || n >= 64 || scan_at(*s, n) != ')')
		return false;
	*s = scan_from(*s, n + 3);
	return true;
}

/* web-1  | */
static bool
eat_container(HomeoSlice *s)
{
	size_t		n = 0;
	size_t		i;

	while (n < s->len && (homeo_ascii_is_word(s->data[n]) ||
						  s->data[n] == '-' || s->data[n] == '.'))
		n++;
	for (i = n; scan_at(*s, i) == ' '; i++)
		;
	if (n == 0 || i == n || scan_at(*s, i) != '|')
		return false;
	i += scan_at(*s, i + 1) == ' ' ? 2 : 1;
	*s = scan_from(*s, i);
	return true;
}

HomeoSlice
homeo_stack_skip_prefix(HomeoSlice line)
{
	HomeoSlice	tail = line;
	char		first = scan_at(line, 0);
	bool		host = true;
	bool		number = false;
	int			i;

	if (homeo_ascii_is_word(first) && eat_container(&tail))
		return tail;
	if (homeo_ascii_is_upper(first) && eat_logcat_tag(&tail))
		return tail;
	if (first == '[')
	{
		if (!eat_bracketed_time(&tail))
			return line;
	}
	else if (homeo_ascii_is_digit(first) || homeo_ascii_is_upper(first))
	{
		bool		date = eat_date(&tail);

		if (!eat_clock(&tail))
			return line;
		if (!date && homeo_ascii_is_upper(first))
			return line;
	}
	else
		return line;

	if (scan_at(tail, 0) == ' ')
		tail = scan_from(tail, 1);
	for (i = 0; i < MAX_WORDS && eat_word(&tail, &host, &number); i++)
		;
	(void) eat_logcat_tag(&tail);
	return tail;
}
