/*
 * block.h
 *		A block of the journal: some records, compressed, behind a header that
 *		tells where they belong and whether they are whole.
 *
 * A position in the journal is the number of a segment in the upper 32 bits
 * and an offset in its file in the lower ones; so positions grow along the
 * journal.  Blocks begin at multiples of HOMEO_BLOCK_ALIGN.
 *
 * Needs nothing of the server, so that it can be tested without one.
 */
#ifndef HOMEO_BLOCK_H
#define HOMEO_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define HOMEO_BLOCK_ALIGN		8

/*
 * In the byte order of the machine, as all of PostgreSQL's files.  A header
 * without records marks the end of its segment.
 */
typedef struct HomeoBlockHeader
{
	uint32_t	magic;			/* of this version of the format */
	uint32_t	crc;			/* CRC-32C of all the rest, and of the system */
	uint64_t	epoch;			/* life of the server that wrote it */
	uint64_t	position;		/* where it begins */
	uint64_t	sequence;		/* of its first record, from 0 in each epoch */
	uint32_t	raw_len;		/* bytes of the records */
	uint32_t	stored_len;		/* bytes behind the header; raw_len: as is */
	uint32_t	nrecords;
	uint32_t	bucket;			/* see homeo_event_bucket() */
} HomeoBlockHeader;

typedef enum HomeoBlockState
{
	HOMEO_BLOCK_VALID,
	HOMEO_BLOCK_STALE,			/* whole, but of another place: left there */
	HOMEO_BLOCK_EMPTY,			/* nothing was written there */
	HOMEO_BLOCK_DAMAGED
} HomeoBlockState;

/* Bytes that a block with raw_len bytes of records takes at most. */
extern size_t homeo_block_bound(size_t raw_len);

/* Bytes of a record among those of a block. */
extern size_t homeo_block_record_size(size_t len);

/* Begins a record of so many bytes at raw; returns where they go. */
extern char *homeo_block_begin_record(char *raw, size_t len);

/*
 * Makes a block of records, apart from its place.  block has
 * homeo_block_bound(raw_len) bytes and is aligned to 8.  Returns its size.
 */
extern size_t homeo_block_make(char *block, const char *raw, size_t raw_len,
							   uint32_t nrecords, uint32_t bucket);

/* Puts a block into its place; system is the server's identifier. */
extern void homeo_block_seal(char *block, uint64_t system, uint64_t epoch,
							 uint64_t position, uint64_t sequence);

extern size_t homeo_block_size(const HomeoBlockHeader *header);

/*
 * What is at position, where data has len bytes of the segment's file.  If
 * it is valid, *header is filled in; the payload is behind it in data.
 */
extern HomeoBlockState homeo_block_check(const char *data, size_t len,
										 uint64_t system, uint64_t position,
										 HomeoBlockHeader *header);

/*
 * The same for the first valid block from position on: *skipped is how many
 * bytes before it are not one.  If there is none, says what is at position.
 */
extern HomeoBlockState homeo_block_locate(const char *data, size_t len,
										  uint64_t system, uint64_t position,
										  HomeoBlockHeader *header,
										  size_t *skipped);

/* Unpacks header->raw_len bytes; false: they are not what was packed. */
extern bool homeo_block_unpack(const HomeoBlockHeader *header,
							   const char *payload, char *raw);

/* The record at *offset, which moves behind it; false: no more records. */
extern bool homeo_block_next(const char *raw, size_t raw_len, size_t *offset,
							 HomeoSlice *record);

#endif							/* HOMEO_BLOCK_H */
