/*
 * token.c
 *		Recognises the parts of a text that differ from one occurrence of a
 *		problem to the next: numbers, dates, addresses, paths and the like.
 *
 * Called by normalize.c, in any process, also without PostgreSQL: it includes
 * no postgres.h so that it can be built and fuzzed alone.  No locks, no
 * memory of its own.
 */
#include "text/token.h"

#include "base/ascii.h"

#define EMAIL_LOCAL_MAX		64
#define HOST_MAX			255
#define SCHEME_MAX			32
#define IPV6_MAX			45
#define PAIRS_MAX			32
#define COMPOUND_MAX		6	/* parts of a duration such as 1h5m3s */

/* The length of the run of digits at p, at most max. */
static size_t
digits(const char *p, const char *end, size_t max)
{
	size_t		n = 0;

	while (n < max && p + n < end && homeo_ascii_is_digit(p[n]))
		n++;
	return n;
}

static size_t
hex_digits(const char *p, const char *end, size_t max)
{
	size_t		n = 0;

	while (n < max && p + n < end && homeo_ascii_is_hex(p[n]))
		n++;
	return n;
}

static bool
at(const char *p, const char *end, char c)
{
	return p < end && *p == c;
}

/* Does a word end at p? */
static bool
boundary(const char *p, const char *end)
{
	return p >= end || !homeo_ascii_is_word(*p);
}

/* The same where a part of an identifier may end, too. */
static bool
part_boundary(const char *p, const char *end)
{
	return boundary(p, end) || *p == '_';
}

/* The value of a run of at most four digits. */
static int
small_number(const char *p, size_t n)
{
	int			value = 0;

	while (n-- > 0)
		value = value * 10 + (*p++ - '0');
	return value;
}

/* ----------------------------------------------------------------
 * uuid, hexadecimal
 * ----------------------------------------------------------------
 */
size_t
homeo_token_uuid(const char *p, size_t len)
{
	static const size_t groups[] = {8, 4, 4, 4, 12};
	const char *end = p + len;
	const char *q = p;
	size_t		g;

	for (g = 0; g < 5; g++)
	{
		if (g > 0)
		{
			if (!at(q, end, '-'))
				return 0;
			q++;
		}
		if (hex_digits(q, end, groups[g]) != groups[g])
			return 0;
		q += groups[g];
	}
	return part_boundary(q, end) ? (size_t) (q - p) : 0;
}

size_t
homeo_token_hex(const char *p, size_t len)
{
	const char *end = p + len;
	const char *q = p;
	bool		digit = false;
	bool		letter = false;

	if (homeo_ascii_starts_nocase(p, len, "0x"))
	{
		q += 2;
		q += hex_digits(q, end, len);
		return q > p + 2 && part_boundary(q, end) ? (size_t) (q - p) : 0;
	}
	for (; q < end && homeo_ascii_is_hex(*q); q++)
	{
		if (homeo_ascii_is_digit(*q))
			digit = true;
		else
			letter = true;
	}
	if (!part_boundary(q, end))
		return 0;
	if (q - p == 24 || (q - p >= 16 && digit && letter))
		return (size_t) (q - p);
	return 0;
}

/*
 * At least six pairs of digits, but not the eight that may be an address of
 * IPv6: of a network card, or the fingerprint of a key.
 */
size_t
homeo_token_pairs(const char *p, size_t len)
{
	const char *end = p + len;
	const char *q = p;
	size_t		pairs = 0;

	while (pairs <= PAIRS_MAX && hex_digits(q, end, 3) == 2)
	{
		q += 2;
		pairs++;
		if (!at(q, end, ':'))
			break;
		q++;
	}
	if (pairs < 6 || pairs == 8 || pairs > PAIRS_MAX || q[-1] == ':')
		return 0;
	return boundary(q, end) ? (size_t) (q - p) : 0;
}

size_t
homeo_token_bytea(const char *p, size_t len)
{
	const char *end = p + len;
	size_t		n;

	if (!homeo_ascii_starts(p, len, "\\x"))
		return 0;
	n = hex_digits(p + 2, end, len);
	return n >= 2 && boundary(p + 2 + n, end) ? n + 2 : 0;
}

/* Upper case only, as PostgreSQL prints them. */
static size_t
upper_hex_digits(const char *p, const char *end, size_t max)
{
	size_t		n = 0;

	while (n < max && p + n < end &&
		   (homeo_ascii_is_digit(p[n]) || (p[n] >= 'A' && p[n] <= 'F')))
		n++;
	return n;
}

/*
 * The second half has six digits or more in any server that did some work;
 * with fewer, it would be confused with a ratio.
 */
size_t
homeo_token_lsn(const char *p, size_t len)
{
	const char *end = p + len;
	size_t		high = upper_hex_digits(p, end, 8);
	size_t		low;

	if (high == 0 || !at(p + high, end, '/'))
		return 0;
	low = upper_hex_digits(p + high + 1, end, 8);
	return low >= 6 && boundary(p + high + 1 + low, end) ? high + 1 + low : 0;
}

/* ----------------------------------------------------------------
 * addresses
 * ----------------------------------------------------------------
 */

/* ":5432", if it is there */
static const char *
skip_port(const char *p, const char *end)
{
	size_t		n;

	if (!at(p, end, ':'))
		return p;
	n = digits(p + 1, end, 5);
	return n > 0 && boundary(p + 1 + n, end) ? p + 1 + n : p;
}

/* "/24", if it is there */
static const char *
skip_prefix_length(const char *p, const char *end)
{
	size_t		n;

	if (!at(p, end, '/'))
		return p;
	n = digits(p + 1, end, 3);
	return n > 0 && boundary(p + 1 + n, end) ? p + 1 + n : p;
}

/* The four numbers only; NULL if they are not there. */
static const char *
skip_ipv4(const char *p, const char *end)
{
	int			i;

	for (i = 0; i < 4; i++)
	{
		size_t		n;

		if (i > 0)
		{
			if (!at(p, end, '.'))
				return NULL;
			p++;
		}
		n = digits(p, end, 3);
		if (n == 0 || small_number(p, n) > 255)
			return NULL;
		p += n;
	}
	if (!boundary(p, end) ||
		(at(p, end, '.') && digits(p + 1, end, 1) > 0))
		return NULL;
	return p;
}

/*
 * Eight groups, or fewer with one "::".  A name such as dead::beef could be
 * an address by the letter of RFC 4291; one without any digit is taken for a
 * name of a program unless it has more than the one pair of colons.
 */
static const char *
skip_ipv6(const char *p, const char *end)
{
	const char *start = p;
	int			groups = 0;
	int			colons = 0;
	bool		gap = false;
	bool		digit = false;

	while (p < end && p - start <= IPV6_MAX)
	{
		size_t		n = hex_digits(p, end, 4);
		size_t		i;

		if (n > 0)
		{
			const char *v4 = colons > 0 ? skip_ipv4(p, end) : NULL;

			if (v4 != NULL)
			{
				groups += 2;
				digit = true;
				p = v4;
				break;
			}
			for (i = 0; i < n; i++)
				digit = digit || homeo_ascii_is_digit(p[i]);
			groups++;
			p += n;
			if (!at(p, end, ':'))
				break;
		}
		else if (!at(p, end, ':'))
			break;
		else if (p == start && !at(p + 1, end, ':'))
			return NULL;

		/* A colon that no group or second colon follows isn't part of it. */
		if (at(p + 1, end, ':'))
		{
			if (gap)
				return NULL;
			gap = true;
			colons += 2;
			p += 2;
		}
		else if (hex_digits(p + 1, end, 1) == 1 && n > 0)
		{
			colons++;
			p++;
		}
		else if (n == 0)
			return NULL;
		else
			break;
	}
	if (groups > 8 || (groups == 8 && gap) || (groups < 8 && !gap) ||
		groups == 0)
		return NULL;
	if (!digit && colons <= 2)
		return NULL;
	if (at(p, end, '%'))
	{
		const char *q = p + 1;

		while (q < end && q - p <= 16 && homeo_ascii_is_alnum(*q))
			q++;
		if (boundary(q, end))
			p = q;
	}
	return boundary(p, end) ? p : NULL;
}

size_t
homeo_token_ip(const char *p, size_t len)
{
	const char *end = p + len;
	const char *q;

	if (at(p, end, '['))
	{
		q = skip_ipv6(p + 1, end);
		if (q == NULL || !at(q, end, ']'))
			return 0;
		return (size_t) (skip_port(q + 1, end) - p);
	}
	q = skip_ipv4(p, end);
	if (q != NULL)
		q = skip_port(skip_prefix_length(q, end), end);
	else
	{
		q = skip_ipv6(p, end);
		if (q != NULL)
			q = skip_prefix_length(q, end);
	}
	return q != NULL ? (size_t) (q - p) : 0;
}

size_t
homeo_token_email(const char *p, size_t len)
{
	const char *end = p + len;
	const char *q = p;
	const char *domain;
	const char *label;

	while (q < end && q - p <= EMAIL_LOCAL_MAX &&
		   (homeo_ascii_is_alnum(*q) || homeo_ascii_is_one_of(*q, "._%+-")))
		q++;
	if (q == p || !at(q, end, '@'))
		return 0;

	domain = label = ++q;
	for (; q < end && q - domain <= HOST_MAX &&
		 (homeo_ascii_is_alnum(*q) || *q == '.' || *q == '-'); q++)
	{
		if (*q == '.' && q + 1 < end && homeo_ascii_is_alnum(q[1]))
			label = q + 1;
	}
	while (q > label && (q[-1] == '.' || q[-1] == '-'))
		q--;
	if (label == domain || q - label < 2 || !boundary(q, end))
		return 0;
	for (; label < q; label++)
	{
		if (!homeo_ascii_is_alpha(*label))
			return 0;
	}
	return (size_t) (q - p);
}

/* To the end of a URL, without the punctuation of the sentence around it. */
static const char *
skip_url_tail(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && !homeo_ascii_is_space(*p) &&
		   !homeo_ascii_is_one_of(*p, "\"'`<>{}|\\^"))
		p++;
	while (p > start && homeo_ascii_is_one_of(p[-1], ".,;:!?)]"))
		p--;
	return p;
}

size_t
homeo_token_url(const char *p, size_t len)
{
	const char *end = p + len;
	const char *q = p;
	const char *tail;

	if (len == 0 || !homeo_ascii_is_alpha(*p))
		return 0;
	while (q < end && q - p <= SCHEME_MAX &&
		   (homeo_ascii_is_alnum(*q) ||
			*q == '+' || *q == '-' || *q == '.'))
		q++;
	if (!homeo_ascii_starts(q, (size_t) (end - q), "://"))
		return 0;
	q += 3;
	tail = skip_url_tail(q, end);
	return tail > q ? (size_t) (tail - p) : 0;
}

typedef struct Domain
{
	const char *name;
	int			labels;			/* needed for a host, unless a port follows */
} Domain;

/*
 * Last labels that hardly ever end the name of a file, a class or a column.
 * With those that might, three labels or a port are asked for; with any
 * other two letters, which may be a country's, both.
 */
static const Domain domains[] = {
	{"arpa", 2}, {"com", 2}, {"edu", 2}, {"internal", 2}, {"lan", 2},
	{"localdomain", 2}, {"org", 2},
	{"app", 3}, {"at", 3}, {"au", 3}, {"br", 3}, {"ca", 3}, {"ch", 3},
	{"cloud", 3}, {"cn", 3}, {"corp", 3}, {"de", 3}, {"dev", 3}, {"es", 3},
	{"eu", 3}, {"fr", 3}, {"gov", 3}, {"info", 3}, {"io", 3}, {"it", 3},
	{"jp", 3}, {"local", 3}, {"net", 3}, {"nl", 3}, {"pl", 3}, {"se", 3},
	{"uk", 3}, {"us", 3}
};

static bool
is_among(const char *p, const char *end, const char *const *names, size_t n)
{
	while (n-- > 0)
	{
		if (homeo_ascii_equals(p, (size_t) (end - p), names[n]))
			return true;
	}
	return false;
}

/*
 * Is what is from label to end a country's domain?  It is if what is before
 * it is what countries have below theirs (com.mx, co.uk), and also if a port
 * follows and it does not end the name of a source file (app.min.js:7).
 */
static bool
is_country(const char *previous, const char *label, const char *end, bool port)
{
	static const char *const second[] = {
		"ac", "co", "com", "edu", "gov", "net", "org"
	};
	static const char *const sources[] = {
		"cc", "cs", "ex", "go", "hs", "jl", "js", "kt", "ml", "pl", "py", "rb",
		"rs", "sh", "so", "ts", "vb"
	};

	if (end - label != 2 || !homeo_ascii_is_alpha(label[0]) ||
		!homeo_ascii_is_alpha(label[1]))
		return false;
	return is_among(previous, label - 1, second,
					sizeof(second) / sizeof(second[0])) ||
		(port && !is_among(label, end, sources,
						   sizeof(sources) / sizeof(sources[0])));
}

size_t
homeo_token_host(const char *p, size_t len, size_t *seen)
{
	const char *end = p + len;
	const char *q = p;
	const char *label = p;
	const char *previous = p;
	const char *after;
	int			labels = 1;
	bool		port;
	bool		host;
	size_t		i;

	for (; q < end && q - p <= HOST_MAX &&
		 (homeo_ascii_is_alnum(*q) || *q == '.' || *q == '-'); q++)
	{
		if (*q == '.' && q + 1 < end && homeo_ascii_is_alnum(q[1]))
		{
			previous = label;
			label = q + 1;
			labels++;
		}
	}
	*seen = (size_t) (q - p);
	while (q > label && (q[-1] == '.' || q[-1] == '-'))
		q--;
	if (labels < 2 || !boundary(q, end))
		return 0;
	after = skip_port(q, end);
	port = after > q;
	host = labels >= 3 && is_country(previous, label, q, port);
	for (i = 0; !host && i < sizeof(domains) / sizeof(domains[0]); i++)
		host = *label == domains[i].name[0] &&
			(port || labels >= domains[i].labels) &&
			homeo_ascii_equals(label, (size_t) (q - label), domains[i].name);
	if (!host)
		return 0;
	if (at(after, end, '/'))
		after = skip_url_tail(after, end);
	return (size_t) (after - p);
}

/* ----------------------------------------------------------------
 * dates and times
 * ----------------------------------------------------------------
 */

/* 12:34, 12:34:56, 12:34:56.789; NULL if it isn't one. */
static const char *
skip_clock(const char *p, const char *end, bool seconds_needed)
{
	size_t		n = digits(p, end, 9);
	bool		seconds = false;
	int			i;

	if (n == 0)
		return NULL;
	p += n;
	for (i = 0; i < 2; i++)
	{
		if (!at(p, end, ':') || digits(p + 1, end, 3) != 2 || p[1] > '5')
			break;
		seconds = i == 1;
		p += 3;
	}
	if (i == 0 || (seconds_needed && !seconds))
		return NULL;
	if (seconds && (at(p, end, '.') || at(p, end, ',')))
	{
		n = digits(p + 1, end, 12);
		if (n > 0)
			p += 1 + n;
	}
	return p;
}

/* Only in capitals: in other languages some of them are words. */
static const char *const zones[] = {
	"AM", "PM", "Z", "UTC", "GMT", "BST", "CDT", "CEST", "CET", "CST", "EDT",
	"EEST", "EET", "EST", "IST", "JST", "MDT", "MSK", "MST", "PDT", "PST",
	"WET", "am", "pm"
};

/* +01, -0330, +05:30; p itself if it isn't one. */
static const char *
skip_offset(const char *p, const char *end)
{
	const char *q = p;
	size_t		n;

	if (!at(p, end, '+') && !at(p, end, '-'))
		return p;
	n = digits(++q, end, 5);
	if (n != 2 && n != 4)
		return p;
	q += n;
	while (n == 2 && at(q, end, ':') && digits(q + 1, end, 3) == 2)
		q += 3;
	return boundary(q, end) ? q : p;
}

/* An offset or a name, behind a blank or not; p itself if there is none. */
static const char *
skip_one_zone(const char *p, const char *end)
{
	const char *q = at(p, end, ' ') ? p + 1 : p;
	const char *offset = skip_offset(q, end);
	size_t		i;

	if (offset > q)
		return offset;
	for (i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
	{
		size_t		n = strlen(zones[i]);

		if (homeo_ascii_starts(q, (size_t) (end - q), zones[i]) &&
			boundary(q + n, end))
			return q + n;
	}
	return p;
}

/* Both, too: 12:34:56 PM CET, 12:34:56 +0000 UTC */
static const char *
skip_zone(const char *p, const char *end)
{
	return skip_one_zone(skip_one_zone(p, end), end);
}

static const char *const months[] = {
	"january", "february", "march", "april", "may", "june", "july", "august",
	"september", "october", "november", "december"
};

static const char *const weekdays[] = {
	"monday", "tuesday", "wednesday", "thursday", "friday", "saturday",
	"sunday"
};

/*
 * A capitalised name from the list, whole or its first three letters; NULL
 * for none.
 */
static const char *
skip_name(const char *p, const char *end, const char *const *names, int count)
{
	const char *q = p;
	int			i;

	if (p >= end || !homeo_ascii_is_upper(*p))
		return NULL;
	while (q < end && q - p <= 9 && homeo_ascii_is_alpha(*q))
		q++;
	if (!boundary(q, end) || q - p < 3)
		return NULL;
	for (i = 0; i < count; i++)
	{
		size_t		n = (size_t) (q - p);

		if (homeo_ascii_lower(p[0]) != names[i][0])
			continue;
		if (homeo_ascii_equals_nocase(p, n, names[i]) ||
			(n == 3 && homeo_ascii_lower(p[1]) == names[i][1] &&
			 homeo_ascii_lower(p[2]) == names[i][2]))
			return q;
	}
	return NULL;
}

/* 2024-01-31, 2024/01/31, 31.01.2024, 1/31/2024 */
static const char *
skip_numeric_date(const char *p, const char *end)
{
	size_t		n[3];
	int			value[3];
	char		separator = '\0';
	int			i;

	for (i = 0; i < 3; i++)
	{
		if (i > 0)
		{
			if (p >= end || !homeo_ascii_is_one_of(*p, "-/.") ||
				(i == 2 && *p != separator))
				return NULL;
			separator = *p++;
		}
		n[i] = digits(p, end, 5);
		if (n[i] == 0 || n[i] == 5)
			return NULL;
		value[i] = small_number(p, n[i]);
		p += n[i];
	}
	if (n[0] == 4 && n[1] <= 2 && n[2] <= 2)
		return value[1] >= 1 && value[1] <= 12 &&
			value[2] >= 1 && value[2] <= 31 ? p : NULL;
	if (n[0] <= 2 && n[1] <= 2 && n[2] == 4)
		return value[0] >= 1 && value[0] <= 31 &&
			value[1] >= 1 && value[1] <= 31 &&
			(value[0] <= 12 || value[1] <= 12) ? p : NULL;
	return NULL;
}

/* 31 Jan 2024, 31/Jan/2024, 31-Jan-2024 */
static const char *
skip_day_month_year(const char *p, const char *end)
{
	size_t		n = digits(p, end, 3);
	char		separator;

	p += n;
	if (n == 0 || n == 3 || p >= end || !homeo_ascii_is_one_of(*p, " -/"))
		return NULL;
	separator = *p;
	p = skip_name(p + 1, end, months, 12);
	if (p == NULL || !at(p, end, separator) || digits(p + 1, end, 5) != 4)
		return NULL;
	return p + 5;
}

/* 20240131T123456 */
static const char *
skip_compact(const char *p, const char *end)
{
	if (digits(p, end, 9) != 8 || !at(p + 8, end, 'T') ||
		digits(p + 9, end, 7) != 6)
		return NULL;
	return p + 15;
}

/*
 * Jan 31 12:34:56, Jan 31 12:34:56 2024, Jan 31, 2024; a month and a day
 * alone may be anything.
 */
static const char *
skip_month_day(const char *p, const char *end)
{
	const char *clock;
	size_t		n;

	p = skip_name(p, end, months, 12);
	if (p == NULL || !at(p, end, ' '))
		return NULL;
	p++;
	if (at(p, end, ' '))		/* a day of one digit in a log's column */
		p++;
	n = digits(p, end, 3);
	if (n == 0 || n == 3)
		return NULL;
	p += n;
	if (at(p, end, ','))
		p++;
	if (!at(p, end, ' '))
		return NULL;
	if (digits(p + 1, end, 5) == 4 && boundary(p + 5, end))
		return p + 5;
	clock = skip_clock(p + 1, end, true);
	if (clock == NULL)
		return NULL;
	clock = skip_zone(clock, end);
	if (at(clock, end, ' ') && digits(clock + 1, end, 5) == 4 &&
		boundary(clock + 5, end))
		clock += 5;
	return clock;
}

/* What follows a date: "T12:34:56Z", " 12:34 PM", ":12:34:56 +0000" */
static const char *
skip_time_of_date(const char *p, const char *end)
{
	const char *q = p;

	if (at(q, end, ','))
		q++;
	if (at(q, end, ' ') || at(q, end, 'T') || at(q, end, ':') ||
		at(q, end, '_'))
		q++;
	q = skip_clock(q, end, false);
	return q != NULL ? skip_zone(q, end) : p;
}

size_t
homeo_token_date(const char *p, size_t len)
{
	const char *end = p + len;
	const char *q = skip_name(p, end, weekdays, 7);
	const char *date = p;

	if (q != NULL)
	{
		if (at(q, end, ','))
			q++;
		if (!at(q, end, ' '))
			return 0;
		date = q + 1;
	}
	if ((q = skip_numeric_date(date, end)) != NULL ||
		(q = skip_day_month_year(date, end)) != NULL)
		q = skip_time_of_date(q, end);
	else if ((q = skip_compact(date, end)) != NULL)
		q = skip_zone(q, end);
	else if ((q = skip_month_day(date, end)) != NULL)
		q = skip_time_of_date(q, end);
	else if (date == p && (q = skip_clock(p, end, false)) != NULL)
	{
		const char *zone = skip_zone(q, end);

		q = zone > q ? zone : NULL;
	}
	return q != NULL && boundary(q, end) ? (size_t) (q - p) : 0;
}

/* ----------------------------------------------------------------
 * numbers, and numbers with units
 * ----------------------------------------------------------------
 */

/*
 * 7, 1,234,567, 1.5, 1.2.3, 1e10, without a sign.  *last gets the end of the
 * last part after which no word goes on, or NULL.
 */
static const char *
skip_number(const char *p, const char *end, const char **last)
{
	const char *q = p;
	size_t		n = digits(q, end, (size_t) (end - q));

	*last = NULL;
	q += n;
	if (boundary(q, end))
		*last = q;
	if (n <= 3)
	{
		while (at(q, end, ',') && digits(q + 1, end, 4) == 3)
		{
			q += 4;
			if (boundary(q, end))
				*last = q;
		}
	}
	while (at(q, end, '.') && digits(q + 1, end, 1) == 1)
	{
		q++;
		q += digits(q, end, (size_t) (end - q));
		if (boundary(q, end))
			*last = q;
	}
	if (at(q, end, 'e') || at(q, end, 'E'))
	{
		const char *e = q + 1;

		if (at(e, end, '+') || at(e, end, '-'))
			e++;
		n = digits(e, end, (size_t) (end - e));
		if (n > 0 && boundary(e + n, end))
			*last = q = e + n;
	}
	return q;
}

static bool
is_sign(const char *p, const char *end)
{
	return at(p, end, '-') || at(p, end, '+');
}

size_t
homeo_token_number(const char *p, size_t len)
{
	const char *end = p + len;
	const char *q = is_sign(p, end) ? p + 1 : p;
	const char *last;

	if (at(q, end, '.') && digits(q + 1, end, 1) == 1)
	{
		/* .5: the part before the point is missing */
		(void) skip_number(q + 1, end, &last);
	}
	else if (digits(q, end, 1) == 1)
		(void) skip_number(q, end, &last);
	else
		return 0;
	return last != NULL ? (size_t) (last - p) : 0;
}

typedef struct Unit
{
	const char *name;
	bool		attached;		/* too short to mean a unit behind a blank */
} Unit;

static const Unit duration_units[] = {
	{"ns", false}, {"us", false}, {"\xc2\xb5s", false}, {"\xce\xbcs", false},
	{"ms", false}, {"s", false}, {"m", true}, {"h", true}, {"d", true},
	{"msec", false}, {"msecs", false}, {"sec", false}, {"secs", false},
	{"min", false}, {"mins", false}, {"hr", false}, {"hrs", false},
	{"nanosecond", false}, {"nanoseconds", false}, {"microsecond", false},
	{"microseconds", false}, {"millisecond", false}, {"milliseconds", false},
	{"second", false}, {"seconds", false}, {"minute", false},
	{"minutes", false}, {"hour", false}, {"hours", false}, {"day", false},
	{"days", false}, {"week", false}, {"weeks", false}, {"mon", false},
	{"mons", false}, {"month", false}, {"months", false}, {"year", false},
	{"years", false}
};

static const Unit size_units[] = {
	{"b", true}, {"k", true}, {"m", true}, {"g", true}, {"t", true},
	{"kb", false}, {"mb", false}, {"gb", false}, {"tb", false},
	{"pb", false}, {"kib", false}, {"mib", false}, {"gib", false},
	{"tib", false}, {"byte", false}, {"bytes", false}
};

/*
 * The unit at p, in any case; NULL for none.  A unit that a digit follows
 * counts when a compound such as 1h5m is allowed.
 */
static const char *
skip_unit(const char *p, const char *end, const Unit *units, size_t count,
		  bool compound)
{
	bool		blank = at(p, end, ' ');
	const char *q;
	size_t		i;

	if (blank)
		p++;
	for (q = p; q < end && q - p <= 12 &&
		 (homeo_ascii_is_alpha(*q) || homeo_ascii_is_high(*q)); q++)
		;
	if (q == p)
		return NULL;
	if (!boundary(q, end) && !(compound && homeo_ascii_is_digit(*q)))
		return NULL;
	for (i = 0; i < count; i++)
	{
		if (!(blank && units[i].attached) &&
			homeo_ascii_equals_nocase(p, (size_t) (q - p), units[i].name))
			return q;
	}
	return NULL;
}

size_t
homeo_token_duration(const char *p, size_t len)
{
	const char *end = p + len;
	const char *q = is_sign(p, end) ? p + 1 : p;
	const char *unit;
	const char *last;
	int			part;

	/* ISO 8601, as Java prints it: PT1M30.5S */
	if (homeo_ascii_starts(p, len, "PT") && digits(p + 2, end, 1) == 1)
	{
		for (q = p + 2; q < end && q - p <= 32 &&
			 (homeo_ascii_is_digit(*q) || homeo_ascii_is_one_of(*q, "HMS."));
			 q++)
			;
		while (q[-1] == '.')
			q--;
		return boundary(q, end) ? (size_t) (q - p) : 0;
	}

	if (digits(q, end, 1) == 0)
		return 0;
	unit = skip_clock(q, end, true);
	if (unit != NULL)
		return boundary(unit, end) ? (size_t) (unit - p) : 0;

	for (part = 0; part < COMPOUND_MAX; part++)
	{
		unit = skip_unit(skip_number(q, end, &last), end, duration_units,
						 sizeof(duration_units) / sizeof(Unit), true);
		if (unit == NULL)
			return 0;
		q = unit;
		if (boundary(q, end))
			return (size_t) (q - p);
	}
	return 0;
}

size_t
homeo_token_size(const char *p, size_t len)
{
	const char *end = p + len;
	const char *last;
	const char *q;

	if (digits(p, end, 1) == 0)
		return 0;
	q = skip_unit(skip_number(p, end, &last), end, size_units,
				  sizeof(size_units) / sizeof(Unit), false);
	return q != NULL ? (size_t) (q - p) : 0;
}

/* ----------------------------------------------------------------
 * paths
 * ----------------------------------------------------------------
 */
static bool
is_unix_path_char(char c)
{
	return homeo_ascii_is_word(c) || homeo_ascii_is_one_of(c, "./-+~@%#&=$");
}

static bool
is_windows_path_char(char c)
{
	return !homeo_ascii_is_space(c) &&
		!homeo_ascii_is_one_of(c, "<>:\"|?*'`,;/");
}

static const char *
skip_windows_path(const char *p, const char *end)
{
	while (p < end && (is_windows_path_char(*p) || *p == '/'))
		p++;

	/* A blank belongs to it if there is a backslash before the next one. */
	while (at(p, end, ' '))
	{
		const char *q = p + 1;
		bool		backslash = false;

		while (q < end && is_windows_path_char(*q))
			backslash = *q++ == '\\' || backslash;
		if (!backslash)
			break;
		p = q;
	}
	return p;
}

size_t
homeo_token_path(const char *p, size_t len)
{
	const char *end = p + len;
	const char *q = p;

	if (len >= 4 && p[0] == '\\' && p[1] == '\\' && homeo_ascii_is_word(p[2]))
	{
		q = skip_windows_path(p + 2, end);
		if (memchr(p + 2, '\\', (size_t) (q - p - 2)) == NULL)
			return 0;
	}
	else if (len >= 4 && homeo_ascii_is_alpha(p[0]) && p[1] == ':' &&
			 (p[2] == '\\' || (p[2] == '/' && p[3] != '/')))
		q = skip_windows_path(p + 3, end);
	else
	{
		if (at(q, end, '~'))
			q++;
		if (!at(q, end, '/') || q + 1 >= end ||
			!is_unix_path_char(q[1]) || q[1] == '/')
			return 0;
		while (q < end && is_unix_path_char(*q))
			q++;
	}
	while (q > p && homeo_ascii_is_one_of(q[-1], ".,;)]"))
		q--;
	return (size_t) (q - p);
}
