/*
 * decompress.c
 *		Tests of the decompressor against what the libraries compress.
 */
#include "intake/decompress.h"

#include <lz4frame.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "tap.h"

#define TEXT_SIZE	(300 * 1024)
#define OUT_SIZE	(2 * TEXT_SIZE)

typedef struct Vector
{
	char	   *data;
	size_t		len;
} Vector;

static const char *const encodings[] = {"gzip", "zlib", "lz4", "zstd"};

/* Numbers, so that it neither vanishes nor resists. */
static Vector
make_text(size_t len)
{
	Vector		plain = {malloc(len + 32), 0};

	for (int i = 0; plain.len < len; i++)
		plain.len += (size_t) snprintf(plain.data + plain.len, 32, "%d,",
									   i * 7919 % 100003);
	plain.len = len;
	return plain;
}

static Vector
deflate_with(Vector plain, int window)
{
	Vector		result = {malloc(plain.len + 1024), 0};
	z_stream	z = {0};

	deflateInit2(&z, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
	z.next_in = (Bytef *) plain.data;
	z.avail_in = (uInt) plain.len;
	z.next_out = (Bytef *) result.data;
	z.avail_out = (uInt) plain.len + 1024;
	deflate(&z, Z_FINISH);
	result.len = z.total_out;
	deflateEnd(&z);
	return result;
}

static Vector
compress_with(const char *encoding, Vector plain)
{
	size_t		room = plain.len + 64 * 1024;
	Vector		result = {malloc(room), 0};

	if (strcmp(encoding, "gzip") == 0 || strcmp(encoding, "zlib") == 0)
	{
		free(result.data);
		return deflate_with(plain, encoding[0] == 'g' ? 31 : 15);
	}
	if (strcmp(encoding, "lz4") == 0)
	{
		LZ4F_preferences_t preferences = {0};

		/* Only with checksums is any damage found. */
		preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
		preferences.frameInfo.blockSizeID = LZ4F_max64KB;
		result.len = LZ4F_compressFrame(result.data, room, plain.data,
										plain.len, &preferences);
	}
	else
	{
		ZSTD_CCtx  *context = ZSTD_createCCtx();

		ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
		result.len = ZSTD_compress2(context, result.data, room, plain.data,
									plain.len);
		ZSTD_freeCCtx(context);
	}
	return result;
}

/* One after the other, in memory of exactly their size. */
static Vector
join(Vector a, Vector b)
{
	Vector		result = {malloc(a.len + b.len + 1), a.len + b.len};

	memcpy(result.data, a.data, a.len);
	memcpy(result.data + a.len, b.data, b.len);
	return result;
}

static Vector
piece_of(Vector whole, size_t len)
{
	Vector		result = {malloc(len + 1), len};

	memcpy(result.data, whole.data, len);
	return result;
}

/* Decompresses into out, at most room bytes at a time. */
static HomeoDecompressStatus
decompress(const char *encoding, Vector input, size_t room, Vector *out)
{
	HomeoSlice	name = {encoding, strlen(encoding)};
	HomeoSlice	bytes = {input.data, input.len};
	HomeoDecompressor d;
	HomeoDecompressStatus status = homeo_decompress_open(&d, name, bytes);

	out->len = 0;
	while (status == HOMEO_DECOMPRESS_MORE && out->len + room <= OUT_SIZE)
	{
		size_t		produced;

		status = homeo_decompress_next(&d, out->data + out->len, room,
									   &produced);
		out->len += produced;
	}
	homeo_decompress_close(&d);
	return status;
}

static bool
same(Vector a, Vector b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static void
test_whole(const char *encoding, Vector *out)
{
	static const size_t sizes[] = {0, 1, 1000, TEXT_SIZE};
	static const size_t rooms[] = {1, 7, 8192, TEXT_SIZE + 100};

	for (int i = 0; i < 4; i++)
	{
		Vector		plain = make_text(sizes[i]);
		Vector		compressed = compress_with(encoding, plain);

		for (int k = 0; k < 4; k++)
			tap_ok(decompress(encoding, compressed, rooms[k], out) ==
				   HOMEO_DECOMPRESS_END && same(*out, plain),
				   "%s: %zu bytes come back, %zu at a time", encoding,
				   sizes[i], rooms[k]);
		free(plain.data);
		free(compressed.data);
	}
}

static void
test_joined(const char *encoding, Vector plain, Vector compressed, Vector *out)
{
	bool		several = strcmp(encoding, "zlib") != 0;
	Vector		twice = join(compressed, compressed);
	Vector		both = join(plain, plain);
	Vector		garbage = join(compressed, plain);
	Vector		cut = piece_of(twice, twice.len - 1);
	HomeoDecompressStatus status;

	status = decompress(encoding, twice, 4096, out);
	tap_ok(several ? status == HOMEO_DECOMPRESS_END && same(*out, both) :
		   status == HOMEO_DECOMPRESS_TRAILING,
		   "%s: two are %s", encoding, several ? "one" : "one too many");
	status = decompress(encoding, cut, 4096, out);
	tap_ok(status == (several ? HOMEO_DECOMPRESS_TRUNCATED :
					  HOMEO_DECOMPRESS_TRAILING),
		   "%s: the second may not be cut", encoding);
	tap_ok(decompress(encoding, garbage, 4096, out) ==
		   HOMEO_DECOMPRESS_TRAILING,
		   "%s: nothing else may follow", encoding);
	free(twice.data);
	free(both.data);
	free(garbage.data);
	free(cut.data);
}

static void
test_damaged(const char *encoding, Vector plain, Vector compressed, Vector *out)
{
	int			missed = 0;

	for (size_t len = 0; len < compressed.len; len++)
	{
		Vector		cut = piece_of(compressed, len);

		missed += decompress(encoding, cut, 512, out) !=
			HOMEO_DECOMPRESS_TRUNCATED;
		free(cut.data);
	}
	tap_ok(missed == 0, "%s: it is seen when the end is missing (%d times not)",
		   encoding, missed);
	missed = 0;
	for (size_t i = 0; i < compressed.len * 8; i++)
	{
		Vector		bent = piece_of(compressed, compressed.len);

		bent.data[i / 8] ^= (char) (1 << i % 8);
		missed += decompress(encoding, bent, 512, out) ==
			HOMEO_DECOMPRESS_END && !same(*out, plain);
		free(bent.data);
	}
	/* The checksum of zlib, Adler-32, is weak: two changes can cancel out. */
	tap_ok(missed <= (strcmp(encoding, "zlib") == 0 ? 1 : 0),
		   "%s: any bit that is wrong is noticed (%d not)", encoding, missed);
	tap_ok(decompress(encoding, plain, 512, out) == HOMEO_DECOMPRESS_FOREIGN,
		   "%s: text is not taken for it", encoding);
}

/* A window that a level of 20 or more, or --long, would ask for. */
static void
test_window(Vector plain, Vector *out)
{
	size_t		room = plain.len + 1024;
	Vector		result = {malloc(room), 0};
	ZSTD_CCtx  *context = ZSTD_createCCtx();
	ZSTD_inBuffer in = {plain.data, plain.len, 0};
	ZSTD_outBuffer bytes = {result.data, room, 0};

	ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 27);
	/* Not at once, so that the size is not known and the window stays. */
	ZSTD_compressStream2(context, &bytes, &in, ZSTD_e_continue);
	ZSTD_compressStream2(context, &bytes, &in, ZSTD_e_end);
	ZSTD_freeCCtx(context);
	result.len = bytes.pos;
	tap_ok(decompress("zstd", result, 512, out) == HOMEO_DECOMPRESS_WINDOW,
		   "zstd: a window of 128 MB is not given");
	free(result.data);
}

int
main(void)
{
	Vector		out = {malloc(OUT_SIZE), 0};
	Vector		plain = make_text(3000);

	for (int i = 0; i < 4; i++)
	{
		Vector		compressed = compress_with(encodings[i], plain);

		test_whole(encodings[i], &out);
		test_joined(encodings[i], plain, compressed, &out);
		test_damaged(encodings[i], plain, compressed, &out);
		free(compressed.data);
	}
	test_window(plain, &out);
	tap_ok(decompress("identity", plain, 100, &out) == HOMEO_DECOMPRESS_END &&
		   same(out, plain), "identity: it is what it is");
	tap_ok(decompress("GZip", plain, 100, &out) == HOMEO_DECOMPRESS_FOREIGN,
		   "the case of a name does not matter");
	tap_ok(decompress("brotli", plain, 100, &out) == HOMEO_DECOMPRESS_UNKNOWN,
		   "another encoding is not known");
	tap_ok(decompress("", plain, 100, &out) == HOMEO_DECOMPRESS_UNKNOWN,
		   "nor is none");
	free(plain.data);
	free(out.data);
	return tap_done();
}
