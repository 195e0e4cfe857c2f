/*
 * token_address.c
 *		Addresses: of networks, of mail, of the web, and names of hosts.
 *
 * See token.h for who calls it.  No locks, no memory of its own.
 */
#include "text/token.h"

#include "text/token_scan.h"

#define EMAIL_LOCAL_MAX		64
#define HOST_MAX			255
#define SCHEME_MAX			32
#define IPV6_MAX			45

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
