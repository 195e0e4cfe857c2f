/*
 * body.c
 *		Takes a body apart: decompresses it, within a limit, and checks that
 *		its events can be told from each other.
 *
 * Called by report.c, in the caller's transaction.  All of a body is looked
 * at before its first event is taken, so a body that is refused has left
 * nothing behind and can be sent again.
 *
 * Memory: CurrentMemoryContext.  What the libraries hold belongs to it, too:
 * a callback frees that when the context ends, also for an error.
 */
#include "postgres.h"

#include "intake/body.h"

#include "base/errors.h"
#include "base/guc.h"
#include "intake/decompress.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/*
 * Room that there is for each piece: a block of LZ4, which is decompressed
 * without a copy then.  What is not used of it is not touched.
 */
#define PIECE		(4 * 1024 * 1024)

/* How much of an unknown encoding is repeated. */
#define NAME_LIMIT	64

/* What is kept about each event until all are taken is some bytes. */
#define EVENTS_LIMIT	1000000

static void
close_decompressor(void *arg)
{
	homeo_decompress_close(arg);
}

/* A decompressor, closed, that the current memory context will close. */
static HomeoDecompressor *
make_decompressor(void)
{
	HomeoDecompressor *d = palloc0(sizeof(HomeoDecompressor));
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));

	callback->func = close_decompressor;
	callback->arg = d;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return d;
}

static const char *
problem_of(HomeoDecompressStatus status)
{
	switch (status)
	{
		case HOMEO_DECOMPRESS_FOREIGN:
			return "is not compressed with %s";
		case HOMEO_DECOMPRESS_TRUNCATED:
			return "ends before what was compressed with %s does";
		case HOMEO_DECOMPRESS_TRAILING:
			return "goes on after the end of what was compressed with %s";
		default:
			return "is damaged, and cannot be decompressed with %s";
	}
}

/* Raises the error about a body that cannot be decompressed. */
static void
refuse(HomeoDecompressStatus status, HomeoSlice encoding)
{
	int			len = (int) Min(encoding.len, NAME_LIMIT);
	char	   *name = pnstrdup(encoding.data,
								pg_mbcliplen(encoding.data, len, len));

	switch (status)
	{
		case HOMEO_DECOMPRESS_UNKNOWN:
			ereport(ERROR,
					(errcode(ERRCODE_HOMEO_INVALID_ARGUMENT),
					 errmsg("argument \"encoding\" is \"%s\", which is no encoding",
							name),
					 errhint("Give " HOMEO_DECOMPRESS_NAMES ".")));
			break;
		case HOMEO_DECOMPRESS_NO_MEMORY:
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory"),
					 errdetail("The body could not be decompressed.")));
			break;
		case HOMEO_DECOMPRESS_WINDOW:
			ereport(ERROR,
					(errcode(ERRCODE_HOMEO_INVALID_ARGUMENT),
					 errmsg("argument \"body\" was compressed with a window of more than 8 MB"),
					 errhint("Compress it with a level of 19 or less, and not with --long.")));
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_HOMEO_INVALID_ARGUMENT),
					 errmsg_internal("argument \"body\" %s",
									 psprintf(problem_of(status), name)),
					 errhint("Send all of it again, and say in \"encoding\" how it is compressed: "
							 HOMEO_DECOMPRESS_NAMES ".")));
	}
}

/*
 * The text of a body, which is not NULL, as encoding says.  Raises
 * ERRCODE_HOMEO_INVALID_ARGUMENT when there is no such encoding, when the body
 * is not in it, whole and in order, and when the text would be longer than
 * homeostasis.decompressed_limit.  It stops there: no more than that is ever
 * decompressed, whatever the body says of its size.
 */
HomeoSlice
homeo_body_decompress(HomeoSlice body, HomeoSlice encoding)
{
	Size		limit = (Size) homeo_guc_decompressed_limit * 1024;
	HomeoDecompressor *d = make_decompressor();
	HomeoDecompressStatus status = homeo_decompress_open(d, encoding, body);
	StringInfoData out;
	HomeoSlice	whole;

	initStringInfo(&out);
	while (status == HOMEO_DECOMPRESS_MORE)
	{
		size_t		room = Min(PIECE, limit + 1 - out.len);
		size_t		produced;

		CHECK_FOR_INTERRUPTS();
		enlargeStringInfo(&out, (int) room);
		status = homeo_decompress_next(d, out.data + out.len, room, &produced);
		out.len += (int) produced;
		if (out.len > limit)
			ereport(ERROR,
					(errcode(ERRCODE_HOMEO_INVALID_ARGUMENT),
					 errmsg("argument \"body\" has more than %d kB when it is decompressed",
							homeo_guc_decompressed_limit),
					 errhint("Report less at a time, or raise homeostasis.decompressed_limit.")));
	}
	if (status != HOMEO_DECOMPRESS_END)
		refuse(status, encoding);
	homeo_decompress_close(d);
	whole.data = out.data;
	whole.len = (size_t) out.len;
	return whole;
}

/*
 * How many events there are in the text of a body.  Raises
 * ERRCODE_HOMEO_INVALID_ARGUMENT when it is an array that does not end where
 * the text does, and when there are too many.
 */
int
homeo_body_count(HomeoSlice body)
{
	HomeoSplit	split;
	HomeoSplitResult result;
	HomeoSlice	piece;
	int			n = 0;

	homeo_split_init(&split, body);
	while ((result = homeo_split_next(&split, &piece)) == HOMEO_SPLIT_PIECE)
	{
		n++;
		if (n > EVENTS_LIMIT)
			ereport(ERROR,
					(errcode(ERRCODE_HOMEO_INVALID_ARGUMENT),
					 errmsg("argument \"body\" has more than %d events",
							EVENTS_LIMIT),
					 errhint("Report less at a time.")));
		if (n % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	if (result != HOMEO_SPLIT_END)
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_INVALID_ARGUMENT),
				 result == HOMEO_SPLIT_UNFINISHED ?
				 errmsg("argument \"body\" is a JSON array without an end") :
				 errmsg("argument \"body\" goes on after the end of a JSON array"),
				 errhint("Send one array of events, or one event a line.")));
	return n;
}
