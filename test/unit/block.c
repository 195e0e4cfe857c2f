/*
 * block.c
 *		The journal's blocks: what was written comes back, and from a damaged
 *		segment everything but what is damaged.
 *
 * A segment is cut at each byte and gets each of its bits flipped; the records
 * that are read from it must be records that were written, in their order, and
 * all of them that are not in a block that was hit.
 */
#include <stdlib.h>

#include "intake/block.h"

#include "tap.h"

#define SYSTEM			UINT64_C(0x1122334455667788)
#define EPOCH			42
#define BASE			(UINT64_C(3) << 32)
#define BLOCKS			12
#define SEGMENT_SIZE	8192

static _Alignas(8)
char		segment[SEGMENT_SIZE];

/* Where each block begins, and behind the last one. */
static size_t start[BLOCKS + 1];

/* The text of a record: some compress well, and some do not. */
static size_t
make_record(int number, char *text)
{
	uint32_t	random = 2654435761u * (uint32_t) (number + 1);
	size_t		len = (size_t) sprintf(text, "record %d ", number);

	for (int i = 0; i < 20 + number * 7 % 90; i++)
	{
		random = random * 1664525u + 1013904223u;
		text[		len++] = number % 3 == 0 ? (char) (random >> 24) : 'a';
	}
	return len;
}

/* Block i has i % 4 + 1 records; returns the number of its first. */
static int
first_record(int block)
{
	int			n = 0;

	for (int i = 0; i < block; i++)
		n += i % 4 + 1;
	return n;
}

static size_t
put_block(char *to, int block, uint64_t system, uint64_t position)
{
	char		raw[2048];
	size_t		raw_len = 0;
	int			nrecords = block % 4 + 1;
	size_t		size;

	for (int i = 0; i < nrecords; i++)
	{
		char text[	256];
		size_t		len = make_record(first_record(block) + i, text);

		memcpy(homeo_block_begin_record(raw + raw_len, len), text, len);
		raw_len += homeo_block_record_size(len);
	}
	size = homeo_block_make(to, raw, raw_len, (uint32_t) nrecords,
							(uint32_t) block);
	homeo_block_seal(to, system, EPOCH, position,
					 (uint64_t) first_record(block));
	return size;
}

static void
make_segment(void)
{
	static _Alignas(8) char block[4096];
	size_t		at = 0;

	memset(segment, 0, sizeof(segment));
	for (int i = 0; i < BLOCKS; i++)
	{
		size_t		size = put_block(block, i, SYSTEM, BASE + at);

		start[i] = at;
		memcpy(segment + at, block, size);
		at += size;
	}
	start[BLOCKS] = at;
}

/*
 * Reads len bytes of a segment as a consumer does.  Returns which blocks were
 * read, a bit each, or -1 when something came that was never written.
 */
static int
read_segment(const char *data, size_t len)
{
	size_t		at = 0;
	int			seen = 0;
	int			last = -1;
	HomeoBlockHeader header;
	size_t		skipped;

	while (at < len &&
		   homeo_block_locate(data + at, len - at, SYSTEM, BASE + at, &header,
							  &skipped) == HOMEO_BLOCK_VALID)
	{
		char		raw[4096];
		size_t		offset = 0;
		HomeoSlice	record;
		int			number = first_record((int) (header.bucket % BLOCKS));

		at += skipped;
		/* Nothing is used before it is known to be what was written. */
		if (header.raw_len > sizeof(raw) || header.epoch != EPOCH ||
			header.bucket >= BLOCKS || (int) header.bucket <= last ||
			header.sequence != (uint64_t) number ||
			!homeo_block_unpack(&header, data + at + sizeof(header), raw))
			return -1;
		last = (int) header.bucket;
		while (homeo_block_next(raw, header.raw_len, &offset, &record))
		{
			char text[	256];
			size_t		expected = make_record(number++, text);

			if (record.len != expected ||
				memcmp(record.data, text, expected) != 0)
				return -1;
		}
		if (number != first_record(last + 1))
			return -1;
		seen |= 1 << last;
		at += homeo_block_size(&header);
	}
	return seen;
}

#define ALL_BLOCKS		((1 << BLOCKS) - 1)

static void
test_truncation(void)
{
	int			wrong = 0;

	for (size_t len = 0; len <= start[BLOCKS]; len++)
	{
		/* The exact size, so that the sanitizer sees a read behind it. */
		char	   *copy = malloc(len > 0 ? len : 1);
		int			whole = 0;

		memcpy(copy, segment, len);
		while (whole < BLOCKS && start[whole + 1] <= len)
			whole++;
		/* The last block may end with padding that is not missed. */
		if ((read_segment(copy, len) | 1 << whole) != ((1 << (whole + 1)) - 1))
			wrong++;
		free(copy);
	}
	tap_ok(wrong == 0, "cut at each byte: all whole blocks are read, %d wrong",
		   wrong);
}

static void
test_bit_flips(void)
{
	int			wrong = 0;

	for (size_t bit = 0; bit < start[BLOCKS] * 8; bit++)
	{
		int			hit = 0;
		int			seen;

		while (start[hit + 1] <= bit / 8)
			hit++;
		segment[bit / 8] ^= (char) (1 << bit % 8);
		seen = read_segment(segment, sizeof(segment));
		segment[bit / 8] ^= (char) (1 << bit % 8);
		/* Padding behind a block is nobody's. */
		if (seen != ALL_BLOCKS && seen != (ALL_BLOCKS & ~(1 << hit)))
			wrong++;
	}
	tap_ok(wrong == 0, "each bit flipped: only its block is lost, %d wrong",
		   wrong);
}

static void
test_states(void)
{
	static _Alignas(8) char block[4096];
	HomeoBlockHeader header;
	size_t		size = put_block(block, 5, SYSTEM, BASE + 64);
	char		zeros[64] = {0};

	tap_ok(homeo_block_check(block, size, SYSTEM, BASE + 64, &header) ==
		   HOMEO_BLOCK_VALID, "a block is valid in its place");
	tap_ok(homeo_block_check(block, size, SYSTEM, BASE + 72, &header) ==
		   HOMEO_BLOCK_STALE, "and stale in another");
	tap_ok(homeo_block_check(block, size, SYSTEM + 1, BASE + 64, &header) ==
		   HOMEO_BLOCK_DAMAGED, "a block of another server is not taken");
	tap_ok(homeo_block_check(block, size - 8, SYSTEM, BASE + 64, &header) ==
		   HOMEO_BLOCK_DAMAGED, "nor is one that was not written whole");
	tap_ok(homeo_block_check(zeros, sizeof(zeros), SYSTEM, BASE, &header) ==
		   HOMEO_BLOCK_EMPTY, "where nothing was written nothing is wrong");
	tap_ok(homeo_block_check(zeros, 3, SYSTEM, BASE, &header) ==
		   HOMEO_BLOCK_EMPTY, "at the end of a file neither");
}

/* Two blocks that change places are whole, and both of them not where they belong. */
static void
test_reordered(void)
{
	char		copy[SEGMENT_SIZE];
	size_t		a = start[2];
	size_t		a_size = start[3] - a;
	size_t		b = start[6];
	size_t		b_size = start[7] - b;
	size_t		size = a_size < b_size ? a_size : b_size;

	memcpy(copy, segment, sizeof(copy));
	memcpy(copy + a, segment + b, size);
	memcpy(copy + b, segment + a, size);
	tap_ok(read_segment(copy, sizeof(copy)) ==
		   (ALL_BLOCKS & ~(1 << 2 | 1 << 6)),
		   "blocks in each other's place are passed over");
}

static void
test_record_lengths(void)
{
	char		raw[16];
	size_t		offset = 0;
	HomeoSlice	record;

	(void) homeo_block_begin_record(raw, 100);
	tap_ok(!homeo_block_next(raw, sizeof(raw), &offset, &record),
		   "a record is not longer than what it is in");
	offset = 14;
	tap_ok(!homeo_block_next(raw, sizeof(raw), &offset, &record),
		   "nor is its length");
}

int
main(void)
{
	make_segment();
	tap_ok(start[BLOCKS] < SEGMENT_SIZE, "the blocks fit into the segment");
	tap_ok(read_segment(segment, sizeof(segment)) == ALL_BLOCKS,
		   "what was written is read");
	test_states();
	test_truncation();
	test_bit_flips();
	test_reordered();
	test_record_lengths();
	return tap_done();
}
