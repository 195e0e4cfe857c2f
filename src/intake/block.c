/*
 * block.c
 *		Blocks of the journal: packed, sealed, checked and found again.
 *
 * The checksum covers the payload first and then the header, so that the
 * payload's share can be computed before the place is known, outside the
 * lock that hands out places.  It begins with the server's identifier: a
 * block that was copied here from another server counts as damaged.
 */
#include "intake/block.h"

#include <string.h>

#include <lz4.h>

#include "c.h"
#include "port/pg_crc32c.h"

/* "HJB" and the version of the format. */
#define BLOCK_MAGIC		0x484a4201

/* What the checksum covers of a header: all behind it. */
#define CHECKED_FROM	offsetof(HomeoBlockHeader, epoch)

StaticAssertDecl(sizeof(HomeoBlockHeader) == 48,
				 "the header has no padding, which the checksum would cover");

static size_t
align(size_t size)
{
	return (size + HOMEO_BLOCK_ALIGN - 1) & ~(size_t) (HOMEO_BLOCK_ALIGN - 1);
}

size_t
homeo_block_bound(size_t raw_len)
{
	return align(sizeof(HomeoBlockHeader) + LZ4_COMPRESSBOUND(raw_len));
}

size_t
homeo_block_record_size(size_t len)
{
	return sizeof(uint32_t) + len;
}

char *
homeo_block_begin_record(char *raw, size_t len)
{
	uint32_t	length = (uint32_t) len;

	memcpy(raw, &length, sizeof(length));
	return raw + sizeof(length);
}

static uint32_t
checksum(const char *data, size_t len, uint32_t before)
{
	pg_crc32c	crc = before;

	COMP_CRC32C(crc, data, len);
	return crc;
}

size_t
homeo_block_make(char *block, const char *raw, size_t raw_len,
				 uint32_t nrecords, uint32_t bucket)
{
	HomeoBlockHeader *header = (HomeoBlockHeader *) block;
	char	   *payload = block + sizeof(HomeoBlockHeader);
	int			packed = 0;
	pg_crc32c	crc;

	if (raw_len > 0)
		packed = LZ4_compress_default(raw, payload, (int) raw_len,
									  LZ4_COMPRESSBOUND((int) raw_len));
	memset(header, 0, sizeof(*header));
	header->magic = BLOCK_MAGIC;
	header->raw_len = (uint32_t) raw_len;
	header->stored_len = (uint32_t) packed;
	header->nrecords = nrecords;
	header->bucket = bucket;
	if (packed <= 0 || (size_t) packed >= raw_len)
	{
		memcpy(payload, raw, raw_len);
		header->stored_len = (uint32_t) raw_len;
	}
	memset(payload + header->stored_len, 0,
		   homeo_block_size(header) - sizeof(*header) - header->stored_len);

	INIT_CRC32C(crc);
	header->crc = checksum(payload, header->stored_len, crc);
	return homeo_block_size(header);
}

/* The checksum of a header behind that of its payload. */
static uint32_t
finish_checksum(const HomeoBlockHeader *header, uint64_t system,
				uint32_t of_payload)
{
	pg_crc32c	crc = checksum((const char *) header + CHECKED_FROM,
							   sizeof(*header) - CHECKED_FROM, of_payload);

	crc = checksum((const char *) &system, sizeof(system), crc);
	FIN_CRC32C(crc);
	return crc;
}

void
homeo_block_seal(char *block, uint64_t system, uint64_t epoch,
				 uint64_t position, uint64_t sequence)
{
	HomeoBlockHeader *header = (HomeoBlockHeader *) block;

	header->epoch = epoch;
	header->position = position;
	header->sequence = sequence;
	header->crc = finish_checksum(header, system, header->crc);
}

size_t
homeo_block_size(const HomeoBlockHeader *header)
{
	return align(sizeof(HomeoBlockHeader) + header->stored_len);
}

HomeoBlockState
homeo_block_check(const char *data, size_t len, uint64_t system,
				  uint64_t position, HomeoBlockHeader *header)
{
	static const HomeoBlockHeader nothing;
	pg_crc32c	crc;

	if (len < sizeof(*header))
	{
		for (size_t i = 0; i < len; i++)
		{
			if (data[i] != 0)
				return HOMEO_BLOCK_DAMAGED;
		}
		return HOMEO_BLOCK_EMPTY;
	}
	memcpy(header, data, sizeof(*header));
	if (memcmp(header, &nothing, sizeof(nothing)) == 0)
		return HOMEO_BLOCK_EMPTY;
	if (header->magic != BLOCK_MAGIC ||
		header->stored_len > header->raw_len ||
		header->stored_len > len - sizeof(*header))
		return HOMEO_BLOCK_DAMAGED;

	INIT_CRC32C(crc);
	crc = checksum(data + sizeof(*header), header->stored_len, crc);
	if (finish_checksum(header, system, crc) != header->crc)
		return HOMEO_BLOCK_DAMAGED;
	return header->position == position ? HOMEO_BLOCK_VALID : HOMEO_BLOCK_STALE;
}

HomeoBlockState
homeo_block_locate(const char *data, size_t len, uint64_t system,
				   uint64_t position, HomeoBlockHeader *header,
				   size_t *skipped)
{
	const uint32_t magic = BLOCK_MAGIC;
	HomeoBlockState state = homeo_block_check(data, len, system, position,
											  header);

	*skipped = 0;
	for (size_t skip = HOMEO_BLOCK_ALIGN;
		 state != HOMEO_BLOCK_VALID && skip + sizeof(*header) <= len;
		 skip += HOMEO_BLOCK_ALIGN)
	{
		/* The place first: to compute a checksum everywhere takes long. */
		if (memcmp(data + skip, &magic, sizeof(magic)) != 0)
			continue;
		memcpy(header, data + skip, sizeof(*header));
		if (header->position == position + skip &&
			homeo_block_check(data + skip, len - skip, system,
							  position + skip, header) == HOMEO_BLOCK_VALID)
		{
			*skipped = skip;
			return HOMEO_BLOCK_VALID;
		}
	}
	return state;
}

bool
homeo_block_unpack(const HomeoBlockHeader *header, const char *payload,
				   char *raw)
{
	if (header->stored_len == header->raw_len)
	{
		memcpy(raw, payload, header->raw_len);
		return true;
	}
	return LZ4_decompress_safe(payload, raw, (int) header->stored_len,
							   (int) header->raw_len) ==
		(int) header->raw_len;
}

bool
homeo_block_next(const char *raw, size_t raw_len, size_t *offset,
				 HomeoSlice *record)
{
	uint32_t	len;

	if (raw_len - *offset < sizeof(len))
		return false;
	memcpy(&len, raw + *offset, sizeof(len));
	if (len > raw_len - *offset - sizeof(len))
		return false;
	record->data = raw + *offset + sizeof(len);
	record->len = len;
	*offset += sizeof(len) + len;
	return true;
}
