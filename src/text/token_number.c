/*
 * token_number.c
 *		Numbers, and numbers with units.
 *
 * See token.h for who calls it.  No locks, no memory of its own.
 */
#include "text/token.h"

#include "text/token_scan.h"

#define COMPOUND_MAX		6	/* parts of a duration such as 1h5m3s */

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
