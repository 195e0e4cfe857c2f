/*
 * decompress.h
 *		The bytes of a body that came compressed, piece by piece.
 *
 * Needs nothing from the server.
 */
#ifndef HOMEO_DECOMPRESS_H
#define HOMEO_DECOMPRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/* The names that homeo_decompress_open() knows, for a message. */
#define HOMEO_DECOMPRESS_NAMES	"gzip, zlib, lz4, zstd or identity"

typedef enum HomeoDecompressStatus
{
	HOMEO_DECOMPRESS_MORE,		/* go on */
	HOMEO_DECOMPRESS_END,		/* that was all, and it was in order */
	HOMEO_DECOMPRESS_UNKNOWN,	/* there is no such encoding */
	HOMEO_DECOMPRESS_FOREIGN,	/* the body doesn't begin like one */
	HOMEO_DECOMPRESS_TRUNCATED, /* the body ends too early */
	HOMEO_DECOMPRESS_CORRUPT,
	HOMEO_DECOMPRESS_TRAILING,	/* something else follows */
	HOMEO_DECOMPRESS_WINDOW,	/* needs more memory than is given to it */
	HOMEO_DECOMPRESS_NO_MEMORY
} HomeoDecompressStatus;

/* All zeroes: closed. */
typedef struct HomeoDecompressor
{
	const struct HomeoDecompressFormat *format;
	void	   *state;			/* of the library; malloc'd */
	HomeoSlice	input;			/* what is left of it */
	bool		between;		/* a part has ended and none begun since */
} HomeoDecompressor;

extern HomeoDecompressStatus homeo_decompress_open(HomeoDecompressor *d,
												   HomeoSlice encoding,
												   HomeoSlice input);
extern HomeoDecompressStatus homeo_decompress_next(HomeoDecompressor *d,
												   char *buffer, size_t room,
												   size_t *produced);
extern void homeo_decompress_close(HomeoDecompressor *d);

#endif							/* HOMEO_DECOMPRESS_H */
