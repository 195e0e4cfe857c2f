/*
 * timestamp.c
 *		Reads the dates and times that loggers begin their lines with.
 */
#include "agent/timestamp.h"

#include <stdlib.h>
#include <time.h>

#define SECOND		INT64_C(1000000)
#define DAY			(INT64_C(86400) * SECOND)

/* What is left to read, and what was read. */
typedef struct HomeoTimeParts
{
	HomeoSpan	rest;
	int			year;
	int			month;			/* from 1 */
	int			day;
	int			hour;
	int			minute;
	int			second;
	int			microsecond;
	bool		zoned;
	int			east;			/* seconds */
	bool		summer_known;	/* the zone was a name of the local one */
	int			summer;
} HomeoTimeParts;

static bool
take_char(HomeoTimeParts *p, const char *set)
{
	if (p->rest.len == 0 || p->rest.data[0] == '\0' ||
		strchr(set, p->rest.data[0]) == NULL)
		return false;
	p->rest = agent_span_from(p->rest, 1);
	return true;
}

static bool
take_number(HomeoTimeParts *p, size_t digits, int low, int high, int *number)
{
	int			value = 0;

	if (p->rest.len < digits)
		return false;
	for (size_t i = 0; i < digits; i++)
	{
		if (!agent_is_digit(p->rest.data[i]))
			return false;
		value = value * 10 + (p->rest.data[i] - '0');
	}
	if (value < low || value > high)
		return false;
	p->rest = agent_span_from(p->rest, digits);
	*number = value;
	return true;
}

static bool
take_month(HomeoTimeParts *p)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
	{
		if (p->rest.len >= 3 && memcmp(p->rest.data, names + 3 * i, 3) == 0)
		{
			p->month = i + 1;
			p->rest = agent_span_from(p->rest, 3);
			return true;
		}
	}
	return false;
}

/* hh:mm[:ss[.fraction]]; a leap second is written as 60. */
static bool
take_time(HomeoTimeParts *p)
{
	int			unit = 100000;

	if (!take_number(p, 2, 0, 23, &p->hour) || !take_char(p, ":") ||
		!take_number(p, 2, 0, 59, &p->minute))
		return false;
	if (p->rest.len == 0 || p->rest.data[0] != ':')
		return true;
	(void) take_char(p, ":");
	if (!take_number(p, 2, 0, 60, &p->second))
		return false;
	if (p->rest.len < 2 || !agent_is_digit(p->rest.data[1]) ||
		!take_char(p, ".,"))
		return true;
	while (p->rest.len > 0 && agent_is_digit(p->rest.data[0]))
	{
		p->microsecond += (p->rest.data[0] - '0') * unit;
		unit /= 10;
		p->rest = agent_span_from(p->rest, 1);
	}
	return true;
}

/* Z, UTC, GMT, +hh, +hhmm, +hh:mm, or the local zone's name; or nothing. */
static void
take_zone(HomeoTimeParts *p)
{
	HomeoTimeParts try = *p;
	int			hours;
	int			minutes = 0;
	bool		west;
	size_t		n = 0;

	(void) take_char(&try, " ");
	while (n < try.rest.len && agent_is_letter(try.rest.data[n]))
		n++;
	if ((n == 1 && try.rest.data[0] == 'Z') ||
		(n == 3 && (agent_span_starts(try.rest, "UTC") ||
					agent_span_starts(try.rest, "GMT"))))
	{
		try.rest = agent_span_from(try.rest, n);
		try.zoned = true;
		*p = try;
		return;
	}
	for (int i = 0; n >= 3 && i < 2; i++)
	{
		if (agent_span_is(agent_span(try.rest.data, n), tzname[i]))
		{
			try.rest = agent_span_from(try.rest, n);
			try.summer_known = true;
			try.summer = i;
			*p = try;
			return;
		}
	}
	if (try.rest.len == 0)
		return;
	west = try.rest.data[0] == '-';
	if (!take_char(&try, "+-") || !take_number(&try, 2, 0, 15, &hours))
		return;
	if (take_char(&try, ":"))
	{
		if (!take_number(&try, 2, 0, 59, &minutes))
			return;
	}
	else
		(void) take_number(&try, 2, 0, 59, &minutes);
	try.zoned = true;
	try.east = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
	*p = try;
}

/* 2026-01-31 23:59:59 */
static bool
take_iso(HomeoTimeParts *p)
{
	return take_number(p, 4, 1970, 2999, &p->year) && take_char(p, "-/") &&
		take_number(p, 2, 1, 12, &p->month) && take_char(p, "-/") &&
		take_number(p, 2, 1, 31, &p->day) && take_char(p, " Tt") &&
		take_time(p);
}

/* 31/Jan/2026:23:59:59 */
static bool
take_apache(HomeoTimeParts *p)
{
	return take_number(p, 2, 1, 31, &p->day) && take_char(p, "/") &&
		take_month(p) && take_char(p, "/") &&
		take_number(p, 4, 1970, 2999, &p->year) && take_char(p, ":") &&
		take_time(p);
}

/* [Sat ]Jan 31 23:59:59[.123][ 2026] */
static bool
take_syslog(HomeoTimeParts *p)
{
	HomeoTimeParts try;

	if (p->rest.len > 4 && p->rest.data[3] == ' ' &&
		memmem("SunMonTueWedThuFriSat", 21, p->rest.data, 3) != NULL)
		p->rest = agent_span_from(p->rest, 4);
	if (!take_month(p) || !take_char(p, " "))
		return false;
	if (!take_number(p, 2, 1, 31, &p->day))
	{
		/* A day of one digit may have a second blank before it. */
		(void) take_char(p, " ");
		if (!take_number(p, 1, 1, 9, &p->day))
			return false;
	}
	if (!take_char(p, " ") || !take_time(p))
		return false;
	try = *p;
	if (take_char(&try, " ") && take_number(&try, 4, 1970, 2999, &try.year) &&
		(try.rest.len == 0 || !agent_is_digit(try.rest.data[0])))
		*p = try;
	return true;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

static bool
to_time(const HomeoTimeParts *p, int64_t *result)
{
	struct tm	parts = {0};
	time_t		seconds;

	if (p->day > days_in_month(p->year, p->month))
		return false;
	parts.tm_year = p->year - 1900;
	parts.tm_mon = p->month - 1;
	parts.tm_mday = p->day;
	parts.tm_hour = p->hour;
	parts.tm_min = p->minute;
	parts.tm_sec = p->second;
	parts.tm_isdst = p->summer_known ? p->summer : -1;
	if (p->zoned)
		seconds = timegm(&parts) - p->east;
	else
		seconds = mktime(&parts);
	*result = (int64_t) seconds * SECOND + p->microsecond;
	return true;
}

/* The latest year in which the time is not a day beyond asof. */
static bool
guess_year(HomeoTimeParts *p, int64_t asof, int64_t *result)
{
	time_t		seconds = (time_t) ((asof + DAY) / SECOND);
	struct tm	parts;

	(void) gmtime_r(&seconds, &parts);
	/* The 29th of February may be eight years back. */
	for (int i = 0; i <= 8; i++)
	{
		p->year = parts.tm_year + 1900 - i;
		if (p->year >= 1970 && to_time(p, result) && *result <= asof + DAY)
			return true;
	}
	return false;
}

bool
agent_timestamp_of_number(HomeoSpan text, HomeoTimestamp *result)
{
	char		copy[40];
	char	   *end;
	double		value;
	double		usec;

	if (text.len == 0 || text.len >= sizeof(copy) ||
		!agent_is_digit(text.data[0]) ||
		(text.len > 1 && (text.data[1] == 'x' || text.data[1] == 'X')))
		return false;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	value = strtod(copy, &end);
	/* Before 2001 in seconds it is some other number. */
	if (*end != '\0' || value < 1e9 || value >= 1e19)
		return false;
	result->known = true;
	result->guessed = false;
	usec = value < 1e11 ? value * 1e6 : value < 1e14 ? value * 1e3 :
		value < 1e17 ? value : value / 1e3;
	/* The nearest: 0.1 is a little less than that. */
	result->time = (int64_t) (usec + 0.5);
	return true;
}

static size_t
read_number(HomeoSpan text, HomeoTimestamp *result)
{
	size_t		n = 0;

	while (n < text.len && n < 24 &&
		   (agent_is_digit(text.data[n]) || text.data[n] == '.'))
		n++;
	if (n < 10 || (n < text.len && agent_is_letter(text.data[n])) ||
		!agent_timestamp_of_number(agent_span(text.data, n), result))
		return 0;
	return n;
}

size_t
agent_timestamp_read(HomeoSpan text, int64_t asof, HomeoTimestamp *result)
{
	static bool (*const forms[]) (HomeoTimeParts *) = {
		take_iso, take_apache, take_syslog
	};

	memset(result, 0, sizeof(*result));
	/* Most lines are told by their first byte. */
	if (text.len < 10 ||
		(!agent_is_digit(text.data[0]) && !agent_is_upper(text.data[0])))
		return 0;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
	{
		HomeoTimeParts parts = {0};

		parts.rest = text;

		if (!forms[i] (&parts))
			continue;
		take_zone(&parts);
		result->guessed = parts.year == 0;
		result->known = parts.year == 0 ?
			guess_year(&parts, asof, &result->time) :
			to_time(&parts, &result->time);
		return result->known ? text.len - parts.rest.len : 0;
	}
	return read_number(text, result);
}
