/*
 * scrub_form.c
 *		Secrets that are known by their own form (JWT, PEM, keys with a prefix,
 *		card numbers) or by their place in a URI.
 *
 * No locks, no memory but the scrubber's.
 */
#include "intake/scrub_form.h"

/* ----------------------------------------------------------------
 * Secrets known by their own form
 * ----------------------------------------------------------------
 */
typedef struct Prefix
{
	char		prefix[16];		/* in exactly this case */
	size_t		least;			/* bytes that must follow */
	bool		digit;			/* one of the first of them must be a digit */
} Prefix;

static const Prefix prefixes[] = {
	{"AKIA", 12, false}, {"ASIA", 12, false},	/* AWS */
	{"AIza", 30, false},		/* Google */
	{"ghp_", 16, false}, {"gho_", 16, false},	/* GitHub */
	{"ghu_", 16, false}, {"ghs_", 16, false},
	{"ghr_", 16, false}, {"github_pat_", 16, false},
	{"glpat-", 16, false},		/* GitLab */
	{"npm_", 30, false},
	{"xoxa-", 8, false}, {"xoxb-", 8, false},	/* Slack */
	{"xoxp-", 8, false}, {"xoxr-", 8, false},
	{"xoxs-", 8, false},
	{"sk_live_", 8, false}, {"sk_test_", 8, false}, /* Stripe */
	{"rk_live_", 8, false},
	{"sk-", 16, true},			/* OpenAI, Anthropic */
	{"SCRAM-SHA-256$", 1, false}	/* PostgreSQL's verifiers */
};

static bool
is_verifier_char(char c)
{
	return is_token_char(c) || c == '$' || c == ':';
}

static bool
hide_prefixed(HomeoScrubber *s)
{
	size_t		i;

	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
	{
		const Prefix *p = &prefixes[i];
		bool		verifier = p->least == 1;
		bool		(*belongs) (char) = verifier ? is_verifier_char : is_base64url;
		size_t		start;
		size_t		end;

		if (!homeo_ascii_starts(s->buf + s->in, s->len - s->in, p->prefix))
			continue;
		start = s->in + strlen(p->prefix);
		for (end = start; end < s->len && end - start < p->least &&
			 belongs(s->buf[end]); end++)
			;
		if (end - start < p->least && end < s->len)
			return false;
		if (p->digit && !has_digit(s, start, end))
			return false;
		copy_to(s, start);
		hide_to(s, skip_while(s, start, belongs));
		return true;
	}
	return false;
}

/* Three parts of base64url, of which the first encodes {" */
static bool
hide_jwt(HomeoScrubber *s)
{
	size_t		end = s->in;
	int			part;

	if (s->in < s->no_jwt_before || !homeo_ascii_starts(s->buf + s->in,
														s->len - s->in, "eyJ"))
		return false;
	for (part = 0; part < 3; part++)
	{
		size_t		start = end;

		end = skip_while(s, start, is_base64url);
		if (end == s->len && end - s->in >= 10)
			break;				/* cut off */
		if (part < 2 && (end == start || at(s, end) != '.'))
		{
			s->no_jwt_before = end;
			return false;
		}
		if (part < 2)
			end++;
	}
	while (end < s->len && (is_base64url(s->buf[end]) ||
							(s->buf[end] == '.' && is_base64url(at(s, end + 1)))))
		end++;
	hide_to(s, end);
	return true;
}

static bool
hide_pem(HomeoScrubber *s)
{
	static const char *const begin = "-----BEGIN ";
	size_t		pos = s->in + strlen(begin);
	size_t		start = pos;
	bool		private_key = false;

	if (!homeo_ascii_starts(s->buf + s->in, s->len - s->in, begin))
		return false;
	for (; pos < s->len && pos - start < 64; pos++)
	{
		if (looking_at(s, pos, "private key"))
			private_key = true;
		if (!homeo_ascii_is_alnum(s->buf[pos]) && s->buf[pos] != ' ')
			break;
	}
	if (!private_key || !looking_at(s, pos, "-----"))
		return false;
	copy_to(s, pos + 5);
	for (pos = s->in; pos < s->len; pos++)
	{
		if (s->buf[pos] == '-' && looking_at(s, pos, "-----end"))
			break;
	}
	hide_to(s, pos);
	return true;
}

/* The check digit of payment cards (ISO/IEC 7812, the Luhn algorithm). */
static bool
luhn(const char *digits, size_t n)
{
	int			sum = 0;
	size_t		i;

	for (i = 0; i < n; i++)
	{
		int			d = digits[n - 1 - i] - '0';

		if (i % 2 == 1)
		{
			d *= 2;
			if (d > 9)
				d -= 9;
		}
		sum += d;
	}
	return sum % 10 == 0;
}

#define CARD_MIN	13
#define CARD_MAX	19

/*
 * Writes asterisks over all digits of a card number but the last four.  Cards
 * begin with 2 to 6 (which spares times in milliseconds) and, if they are
 * written in groups, have four digits in the first and at least three in the
 * others, all separated in the same way (which spares most lists).
 */
static bool
hide_card(HomeoScrubber *s)
{
	char		digits[CARD_MAX];
	size_t		n = 0;
	size_t		group = 0;
	size_t		pos = s->in;
	size_t		best_end = 0;
	size_t		best_n = 0;
	char		separator = '\0';

	if (at(s, pos) < '2' || at(s, pos) > '6' ||
		(s->prev == '.' && homeo_ascii_is_digit(s->prev2)))
		return false;
	for (;;)
	{
		char		c = at(s, pos);

		if (homeo_ascii_is_digit(c))
		{
			if (n == CARD_MAX)
				break;
			digits[n++] = c;
			group++;
			pos++;
			continue;
		}
		/* A group ends here. */
		if (separator != '\0' && group < 3)
			break;
		if (n >= CARD_MIN && !homeo_ascii_is_word(c) &&
			!(c == '.' && homeo_ascii_is_digit(at(s, pos + 1))) &&
			luhn(digits, n))
		{
			best_end = pos;
			best_n = n;
		}
		if ((c != ' ' && c != '-') || (separator != '\0' && c != separator) ||
			(separator == '\0' && group != 4))
			break;
		separator = c;
		group = 0;
		pos++;
	}
	if (best_n == 0)
		return false;

	for (n = 0; s->in < best_end;)
	{
		bool		digit = homeo_ascii_is_digit(s->buf[s->in]);

		if (digit)
			n++;
		copy(s, 1);
		if (digit && n + 4 <= best_n)
			s->buf[s->out - 1] = '*';
	}
	return true;
}

/* ----------------------------------------------------------------
 * scheme://user:secret@host
 * ----------------------------------------------------------------
 */

/* Where a URI ends; a quote inside a password does not end it. */
static bool
ends_uri(const HomeoScrubber *s, size_t pos)
{
	char		c = at(s, pos);

	return homeo_ascii_is_space(c) || c == '<' || c == '>' ||
		(is_quote(c) && !homeo_ascii_is_word(at(s, pos + 1)));
}

static size_t
authority_end(const HomeoScrubber *s, size_t pos)
{
	while (pos < s->len && !ends_uri(s, pos) &&
		   !homeo_ascii_is_one_of(s->buf[pos], "/?#@"))
		pos++;
	return pos;
}

/* The last '@' from pos to the end of the URI; that end if there is none. */
static size_t
find_last_at(HomeoScrubber *s, size_t pos)
{
	if (pos >= s->run_end)
	{
		size_t		last = SIZE_MAX;

		for (; pos < s->len && !ends_uri(s, pos); pos++)
		{
			if (s->buf[pos] == '@')
				last = pos;
		}
		s->run_end = pos;
		s->last_at = last == SIZE_MAX ? pos : last;
	}
	return s->last_at;
}

/* A port, or one and another host: h:5432,i:5433 */
static bool
is_port(const HomeoScrubber *s, size_t pos, size_t end)
{
	size_t		after = skip_while(s, pos, homeo_ascii_is_digit);

	return after == end || (after > pos && s->buf[after] == ',');
}

/* Behind "://".  Hides the password, if there is one. */
static void
hide_in_authority(HomeoScrubber *s)
{
	size_t		colon = s->in;
	size_t		end = authority_end(s, s->in);
	size_t		next;

	if (at(s, colon) == '[')
		return;					/* an address, not a user */
	while (colon < end && s->buf[colon] != ':')
		colon++;
	if (colon == end)
		return;
	colon++;

	if (at(s, end) == '@')
	{
		/* An unencoded '@' may be part of it: the last one counts. */
		while ((next = authority_end(s, end + 1)) < s->len &&
			   s->buf[next] == '@')
			end = next;
	}
	else if (is_port(s, colon, end))
		return;
	else if (end < s->len)
	{
		/* Not a port: a password with an unencoded slash, maybe cut off? */
		end = find_last_at(s, end);
		if (end < colon || (end < s->len && s->buf[end] != '@'))
			return;
	}
	copy_to(s, colon);
	hide_to(s, end);
}

bool
homeo_scrub_form_hide(HomeoScrubber *s)
{
	char		c = s->buf[s->in];
	char		next = at(s, s->in + 1);
	bool		inside = homeo_ascii_is_alnum(s->prev) ||
	homeo_ascii_is_high(s->prev);

	if (inside)
	{
		if (c != ':' || !looking_at(s, s->in, "://"))
			return false;
		copy(s, 3);
		hide_in_authority(s);
		return true;
	}
	switch (c)
	{
		case '-':
			return s->prev != '-' && hide_pem(s);
		case 'e':
			return hide_jwt(s);
			/* What prefixes begin with, and their second letters. */
		case 'A':
			return homeo_ascii_is_one_of(next, "IKS") && hide_prefixed(s);
		case 'S':
			return next == 'C' && hide_prefixed(s);
		case 'g':
			return homeo_ascii_is_one_of(next, "hil") && hide_prefixed(s);
		case 'n':
			return next == 'p' && hide_prefixed(s);
		case 'r':
		case 's':
			return next == 'k' && hide_prefixed(s);
		case 'x':
			return next == 'o' && hide_prefixed(s);
		default:
			return homeo_ascii_is_digit(c) && s->prev != '_' && hide_card(s);
	}
}
