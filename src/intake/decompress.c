/*
 * decompress.c
 *		Decompresses a body by zlib, LZ4 or Zstandard, piece by piece.
 *
 * Called by body.c, which owns the decompressor, limits what comes out, and
 * closes it whatever happens.  No size that the body claims to have is
 * looked at; only what comes out counts.
 *
 * Memory: the libraries' own, from malloc, until homeo_decompress_close().
 * It is bounded by their windows: 32 kB for zlib, 8 MB for Zstandard, which
 * RFC 8878 recommends and RFC 9659 demands, and two blocks of 4 MB for LZ4.
 */
#include "intake/decompress.h"

#include <lz4frame.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/ascii.h"

/* Bytes that are taken of the input at once, so that the caller can stop. */
#define PIECE			(64 * 1024)

/* As zlib has it: the largest window, and 16 for a gzip header. */
#define ZLIB_WINDOW		15
#define GZIP_WINDOW		(16 + 15)

/* As Zstandard has it: the power of two of 8 MB. */
#define ZSTD_WINDOW		23

/* What one call of a library did. */
typedef enum Step
{
	STEP_MORE,
	STEP_END,					/* of a gzip member or of a frame */
	STEP_FOREIGN,				/* no member or frame begins so */
	STEP_CORRUPT,
	STEP_WINDOW,
	STEP_NO_MEMORY
} Step;

typedef struct HomeoDecompressFormat
{
	const char *name;			/* in lower case */
	bool		concatenated;	/* several, one after the other, are one body */

	/* Makes the state; false: no memory. */
	bool		(*open) (HomeoDecompressor *d);

	/* From *taken bytes of the input to *made bytes; sets both. */
	Step		(*step) (HomeoDecompressor *d, size_t *taken,
						 char *buffer, size_t *made);
	void		(*close) (void *state);
} HomeoDecompressFormat;

/* ------------------------------------------------------------------------
 * zlib, and gzip by zlib
 * ------------------------------------------------------------------------
 */

static bool
open_inflate(HomeoDecompressor *d, int window)
{
	z_stream   *z = calloc(1, sizeof(z_stream));

	if (z == NULL)
		return false;
	if (inflateInit2(z, window) != Z_OK)
	{
		free(z);
		return false;
	}
	d->state = z;
	return true;
}

static bool
open_gzip(HomeoDecompressor *d)
{
	return open_inflate(d, GZIP_WINDOW);
}

static bool
open_zlib(HomeoDecompressor *d)
{
	return open_inflate(d, ZLIB_WINDOW);
}

static Step
step_inflate(HomeoDecompressor *d, size_t *taken, char *buffer, size_t *made)
{
	z_stream   *z = d->state;
	int			result;

	z->next_in = (z_const Bytef *) d->input.data;
	z->avail_in = (uInt) *taken;
	z->next_out = (Bytef *) buffer;
	z->avail_out = (uInt) *made;
	result = inflate(z, Z_NO_FLUSH);
	*taken -= z->avail_in;
	*made -= z->avail_out;
	switch (result)
	{
		case Z_OK:
		case Z_BUF_ERROR:		/* nothing to do without more input */
			return STEP_MORE;
		case Z_STREAM_END:
			return inflateReset(z) == Z_OK ? STEP_END : STEP_CORRUPT;
		case Z_MEM_ERROR:
			return STEP_NO_MEMORY;
		default:
			return z->msg != NULL &&
				strcmp(z->msg, "incorrect header check") == 0 ?
				STEP_FOREIGN : STEP_CORRUPT;
	}
}

static void
close_inflate(void *state)
{
	(void) inflateEnd(state);
	free(state);
}

/* ------------------------------------------------------------------------
 * LZ4, the frame format
 * ------------------------------------------------------------------------
 */

static bool
open_lz4(HomeoDecompressor *d)
{
	LZ4F_dctx  *context = NULL;

	if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)))
		return false;
	d->state = context;
	return true;
}

static Step
step_lz4(HomeoDecompressor *d, size_t *taken, char *buffer, size_t *made)
{
	size_t		result = LZ4F_decompress(d->state, buffer, made,
										 d->input.data, taken, NULL);
	const char *name;

	if (!LZ4F_isError(result))
		return result == 0 ? STEP_END : STEP_MORE;
	*taken = 0;
	*made = 0;
	name = LZ4F_getErrorName(result);
	if (strcmp(name, "ERROR_frameType_unknown") == 0)
		return STEP_FOREIGN;
	if (strcmp(name, "ERROR_allocation_failed") == 0)
		return STEP_NO_MEMORY;
	return STEP_CORRUPT;
}

static void
close_lz4(void *state)
{
	(void) LZ4F_freeDecompressionContext(state);
}

/* ------------------------------------------------------------------------
 * Zstandard
 * ------------------------------------------------------------------------
 */

static bool
open_zstd(HomeoDecompressor *d)
{
	ZSTD_DCtx  *context = ZSTD_createDCtx();

	if (context == NULL)
		return false;
	(void) ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, ZSTD_WINDOW);
	d->state = context;
	return true;
}

static Step
step_zstd(HomeoDecompressor *d, size_t *taken, char *buffer, size_t *made)
{
	ZSTD_inBuffer in = {d->input.data, *taken, 0};
	ZSTD_outBuffer out = {buffer, *made, 0};
	size_t		result = ZSTD_decompressStream(d->state, &out, &in);

	*taken = in.pos;
	*made = out.pos;
	if (!ZSTD_isError(result))
		return result == 0 ? STEP_END : STEP_MORE;
	switch (ZSTD_getErrorCode(result))
	{
		case ZSTD_error_prefix_unknown:
			return STEP_FOREIGN;
		case ZSTD_error_frameParameter_windowTooLarge:
			return STEP_WINDOW;
		case ZSTD_error_memory_allocation:
			return STEP_NO_MEMORY;
		default:
			return STEP_CORRUPT;
	}
}

static void
close_zstd(void *state)
{
	(void) ZSTD_freeDCtx(state);
}

/* ------------------------------------------------------------------------
 * Whatever the format
 * ------------------------------------------------------------------------
 */

/* That of identity has no functions. */
static const HomeoDecompressFormat formats[] = {
	{"gzip", true, open_gzip, step_inflate, close_inflate},
	{"zlib", false, open_zlib, step_inflate, close_inflate},
	{"lz4", true, open_lz4, step_lz4, close_lz4},
	{"zstd", true, open_zstd, step_zstd, close_zstd},
	{"identity", false, NULL, NULL, NULL}
};

/*
 * Begins to decompress input, which is not NULL, even if it is empty, and
 * must live as long as *d is open.  The encoding is one of HOMEO_DECOMPRESS_NAMES, in any case.  Returns
 * HOMEO_DECOMPRESS_MORE, or _UNKNOWN or _NO_MEMORY; *d is closed then.
 */
HomeoDecompressStatus
homeo_decompress_open(HomeoDecompressor *d, HomeoSlice encoding,
					  HomeoSlice input)
{
	memset(d, 0, sizeof(*d));
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
	{
		if (!homeo_ascii_equals_nocase(encoding.data, encoding.len,
									   formats[i].name))
			continue;
		d->input = input;
		if (formats[i].open != NULL && !formats[i].open(d))
			return HOMEO_DECOMPRESS_NO_MEMORY;
		d->format = &formats[i];
		return HOMEO_DECOMPRESS_MORE;
	}
	return HOMEO_DECOMPRESS_UNKNOWN;
}

static HomeoDecompressStatus
copy_piece(HomeoDecompressor *d, char *buffer, size_t room, size_t *produced)
{
	*produced = d->input.len < room ? d->input.len : room;
	if (*produced > 0)
		memcpy(buffer, d->input.data, *produced);
	d->input.data += *produced;
	d->input.len -= *produced;
	return d->input.len > 0 ? HOMEO_DECOMPRESS_MORE : HOMEO_DECOMPRESS_END;
}

/*
 * Puts the next bytes, at most room, which is not 0, into buffer and their
 * number, which may be 0, into *produced.  Takes at most PIECE bytes of the
 * input, so it returns soon.  After any status but HOMEO_DECOMPRESS_MORE it
 * may only be closed.
 */
HomeoDecompressStatus
homeo_decompress_next(HomeoDecompressor *d, char *buffer, size_t room,
					  size_t *produced)
{
	size_t		taken = d->input.len < PIECE ? d->input.len : PIECE;
	bool		between = d->between;
	bool		last = taken == d->input.len;
	Step		step;

	if (d->format->step == NULL)
		return copy_piece(d, buffer, room, produced);
	*produced = room;
	step = d->format->step(d, &taken, buffer, produced);
	d->input.data += taken;
	d->input.len -= taken;
	d->between = step == STEP_END || (between && *produced == 0);
	switch (step)
	{
		case STEP_MORE:
			/* What makes no progress with all there is never will. */
			if (taken == 0 && *produced == 0)
				return last ? HOMEO_DECOMPRESS_TRUNCATED :
					HOMEO_DECOMPRESS_CORRUPT;
			return HOMEO_DECOMPRESS_MORE;
		case STEP_END:
			if (d->input.len == 0)
				return HOMEO_DECOMPRESS_END;
			return d->format->concatenated ? HOMEO_DECOMPRESS_MORE :
				HOMEO_DECOMPRESS_TRAILING;
		case STEP_FOREIGN:
			return between ? HOMEO_DECOMPRESS_TRAILING :
				HOMEO_DECOMPRESS_FOREIGN;
		case STEP_WINDOW:
			return HOMEO_DECOMPRESS_WINDOW;
		case STEP_NO_MEMORY:
			return HOMEO_DECOMPRESS_NO_MEMORY;
		default:
			return HOMEO_DECOMPRESS_CORRUPT;
	}
}

/* Frees what the library holds.  Once more does no harm. */
void
homeo_decompress_close(HomeoDecompressor *d)
{
	if (d->state != NULL)
		d->format->close(d->state);
	memset(d, 0, sizeof(*d));
}
