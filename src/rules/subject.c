/*
 * subject.c
 *		Converts text between the database's encoding and the UTF-8 that
 *		PCRE2 and Vectorscan work on.
 *
 * Both engines are told not to check what they are given, so what comes out
 * of here is valid whatever goes in.  Nothing here raises because of a text:
 * what can't be converted becomes a question mark, which every encoding has.
 * Results are in CurrentMemoryContext, or the argument itself.
 */
#include "postgres.h"

#include "rules/subject.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"

#define REPLACEMENT		'?'

/*
 * Copies text that is meant to be in this encoding, a question mark for each
 * byte that is not; the argument itself when all are.
 */
static HomeoSlice
make_valid(HomeoSlice given, int encoding)
{
	size_t		done = pg_encoding_verifymbstr(encoding, given.data,
											   (int) given.len);
	char	   *copy;

	if (done == given.len)
		return given;
	copy = palloc(given.len + 1);
	memcpy(copy, given.data, given.len);
	copy[given.len] = '\0';
	while (done < given.len)
	{
		copy[done++] = REPLACEMENT;
		done += pg_encoding_verifymbstr(encoding, copy + done,
										(int) (given.len - done));
	}
	given.data = copy;
	return given;
}

/* A question mark for each byte that isn't ASCII. */
static HomeoSlice
make_ascii(HomeoSlice given)
{
	char	   *copy = palloc(given.len + 1);

	for (size_t i = 0; i < given.len; i++)
		copy[i] = IS_HIGHBIT_SET(given.data[i]) ? REPLACEMENT : given.data[i];
	copy[given.len] = '\0';
	given.data = copy;
	return given;
}

/* Converts valid text; what has no equivalent becomes a question mark. */
static HomeoSlice
convert(HomeoSlice given, int from, int to)
{
	Oid			procedure = FindDefaultConversionProc(from, to);
	Size		room = given.len * MAX_CONVERSION_GROWTH + 1;
	HomeoSlice	result;
	char	   *out;
	size_t		read = 0;
	size_t		written = 0;

	if (!OidIsValid(procedure))
		return make_ascii(given);

	out = palloc(room);
	for (;;)
	{
		read += pg_do_encoding_conversion_buf(procedure, from, to,
											  (unsigned char *) given.data + read,
											  (int) (given.len - read),
											  (unsigned char *) out + written,
											  (int) (room - written), true);
		written += strlen(out + written);
		if (read >= given.len)
			break;
		out[written++] = REPLACEMENT;
		read += Min(pg_encoding_mblen(from, given.data + read),
					given.len - read);
		if (read >= given.len)
			break;
	}
	out[written] = '\0';
	result.data = out;
	result.len = written;
	return result;
}

/*
 * UTF-8 for text of the database, cut to limit bytes of it at a character.
 * Text that is absent stays so.
 */
HomeoSlice
homeo_subject_make(HomeoSlice given, size_t limit)
{
	int			encoding = GetDatabaseEncoding();

	if (given.data == NULL)
		return given;
	if (given.len > limit)
		given.len = pg_encoding_mbcliplen(encoding, given.data, (int) given.len,
										  (int) limit);
	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return make_valid(given, PG_UTF8);
	return convert(make_valid(given, encoding), encoding, PG_UTF8);
}

/* Text of the database for a piece of what homeo_subject_make() returned. */
HomeoSlice
homeo_subject_restore(HomeoSlice utf8)
{
	int			encoding = GetDatabaseEncoding();

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return utf8;
	return convert(utf8, PG_UTF8, encoding);
}
