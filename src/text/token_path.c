/*
 * token_path.c
 *		Absolute paths of files.
 *
 * See token.h for who calls it.  No locks, no memory of its own.
 */
#include "text/token.h"

#include "text/token_scan.h"

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
