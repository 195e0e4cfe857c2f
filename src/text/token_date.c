/*
 * token_date.c
 *		Dates, and times of a day.
 *
 * See token.h for who calls it.  No locks, no memory of its own.
 */
#include "text/token.h"

#include "text/token_scan.h"

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
