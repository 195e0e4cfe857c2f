/*
 * body.c
 *		Fuzz target for a body: what decompresses it, and what splits it.
 *
 * The first byte chooses the encoding, the second how much room there is for
 * each piece.  More than OUTPUT_LIMIT bytes are not waited for.
 */
#include "intake/decompress.h"
#include "intake/split.h"

#include "check.h"

#define OUTPUT_LIMIT	(256 * 1024)

static const char *const encodings[] = {
	"identity", "gzip", "zlib", "lz4", "zstd"
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
check_split(const char *str, size_t len)
{
	HomeoSlice	whole = {str, len};
	HomeoSlice	piece;
	HomeoSplit	split;
	const char *before = str;
	int			place = 0;

	homeo_split_init(&split, whole);
	while (homeo_split_next(&split, &piece) == HOMEO_SPLIT_PIECE)
	{
		CHECK(split.place > place);
		CHECK(piece.data >= before && piece.data + piece.len <= str + len);
		CHECK(piece.len == 0 || (!is_blank(piece.data[0]) &&
								 !is_blank(piece.data[piece.len - 1])));
		CHECK(split.is_array || piece.len > 0);
		place = split.place;
		before = piece.data + piece.len;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *name = encodings[take_byte(&data, &size) % 5];
	size_t		room = (size_t) take_byte(&data, &size) * 16 + 1;
	HomeoSlice	encoding = {name, strlen(name)};
	char	   *copy = exact_copy(data, size);
	HomeoSlice	input = {copy, size};
	HomeoDecompressor d;
	HomeoDecompressStatus status = homeo_decompress_open(&d, encoding, input);
	char	   *out = malloc(OUTPUT_LIMIT + room);
	size_t		len = 0;

	CHECK(out != NULL);
	CHECK(status == HOMEO_DECOMPRESS_MORE);
	while (status == HOMEO_DECOMPRESS_MORE && len < OUTPUT_LIMIT)
	{
		size_t		produced;
		size_t		left = d.input.len;

		status = homeo_decompress_next(&d, out + len, room, &produced);
		CHECK(produced <= room && d.input.len <= left);
		CHECK(status != HOMEO_DECOMPRESS_UNKNOWN);
		len += produced;
	}
	CHECK(status != HOMEO_DECOMPRESS_END || d.input.len == 0);
	homeo_decompress_close(&d);
	homeo_decompress_close(&d);
	check_split(out, len);
	free(out);
	free(copy);
	return 0;
}
