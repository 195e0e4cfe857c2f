/*
 * token_hex.c
 *		What is written in hexadecimal digits: ids, hashes, bytes, log
 *		positions.
 *
 * See token.h for who calls it.  No locks, no memory of its own.
 */
#include "text/token.h"

#include "text/token_scan.h"

#define PAIRS_MAX			32

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
