/*
 * journal_read.c
 *		Reads the blocks of the journal in their order, and goes on behind
 *		what is damaged.
 *
 * Each consumer reads all blocks and keeps those of its buckets, so that the
 * number of workers may be another one after each start of the server.  No
 * header is trusted: a block counts if its checksum is right and it is where
 * it says it is.  What cannot be read is told in the server's log and counted,
 * by the first consumer for all of them.
 *
 * Segments of lives before this one have no known end: whatever is behind
 * their last block was not acknowledged or is lost.  Of this life's, what is
 * before homeo_journal_end() is whole.
 *
 * Memory: a window of the file and what is known of epochs live as long as the
 * process; blocks are palloc'd.
 */
#include "postgres.h"

#include "intake/journal_read.h"

#include <fcntl.h>
#include <unistd.h>

#include "access/xlog.h"
#include "intake/block.h"
#include "intake/drops.h"
#include "intake/journal.h"
#include "port/atomics.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#define WINDOW_BYTES	(1024 * 1024)

/* No block is larger: one record, or less than another one would be. */
#define MAX_BLOCK_BYTES	(HOMEO_RING_MAX_RECORD + 64 * 1024)

StaticAssertDecl(WINDOW_BYTES > MAX_BLOCK_BYTES,
				 "the window must hold a block with the largest record");

struct HomeoJournalReader
{
	int			consumer;
	HomeoJournalLookup lookup;
	uint64		past_epoch;		/* that past is about; 0: none */
	HomeoJournalPast past;
	uint64		told;			/* damage before it was told, or cost nothing */

	File		file;			/* -1: none */
	uint32		segment;		/* of the file */
	uint32		size;			/* of the file */
	uint32		offset;			/* of the window */
	uint32		len;			/* of the window */
	char		window[WINDOW_BYTES];
};

HomeoJournalReader *
homeo_journal_reader_make(int consumer, HomeoJournalLookup lookup)
{
	HomeoJournalReader *reader =
	MemoryContextAlloc(TopMemoryContext, sizeof(HomeoJournalReader));

	reader->consumer = consumer;
	reader->lookup = lookup;
	reader->past_epoch = 0;
	reader->told = 0;
	reader->file = -1;
	return reader;
}

/*
 * Opens a segment unless it is open.  False: there is no such file.  A file
 * that is there but cannot be read is an error: it may be readable later.
 */
static bool
open_segment(HomeoJournalReader *reader, uint32 segment)
{
	char		path[MAXPGPATH];
	off_t		size;

	if (reader->file >= 0 && reader->segment == segment)
		return true;
	if (reader->file >= 0)
		FileClose(reader->file);
	homeo_journal_segment_path(path, segment);
	reader->file = PathNameOpenFile(path, O_RDONLY | PG_BINARY);
	reader->segment = segment;
	reader->len = 0;
	if (reader->file < 0 && errno == ENOENT)
		return false;
	if (reader->file < 0 || (size = FileSize(reader->file)) < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open segment \"%s\" of the journal: %m",
						path)));
	reader->size = (uint32) Min(size, PG_INT32_MAX);
	return true;
}

static uint32
read_at(HomeoJournalReader *reader, uint32 offset, char *buffer, uint32 len)
{
	int			n = FileRead(reader->file, buffer, (int) len, offset,
							 PG_WAIT_EXTENSION);

	if (n < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read segment \"%s\" of the journal: %m",
						FilePathName(reader->file))));
	return (uint32) n;
}

/*
 * What the segment has from offset to limit, or as much of it as the window
 * holds: more than a block.
 */
static const char *
look(HomeoJournalReader *reader, uint32 offset, uint32 limit, uint32 *len)
{
	uint32		wanted = Min(limit - offset, WINDOW_BYTES);
	uint32		end = reader->offset + reader->len;

	if (reader->len == 0 || offset < reader->offset || offset > end ||
		(end - offset < MAX_BLOCK_BYTES && end < limit))
	{
		reader->offset = offset;
		reader->len = read_at(reader, offset, reader->window, wanted);
		end = offset + reader->len;
	}
	*len = end - offset;
	return reader->window + (offset - reader->offset);
}

/*
 * Behind what all consumers have passed in lives before this one.  The tables
 * know that by epoch, and a segment has blocks of one epoch.
 */
static uint64
passed_by_all(HomeoJournalReader *reader)
{
	uint64		passed[HOMEO_BUCKETS] = {0};
	uint64		least = PG_UINT64_MAX;
	uint64		epoch = 0;

	for (uint32 segment = homeo_journal_oldest_segment();
		 segment < homeo_journal_first_segment(); segment++)
	{
		HomeoBlockHeader header;
		HomeoJournalPast past;
		const char *data;
		uint32		len;
		size_t		skipped;

		if (!open_segment(reader, segment))
			continue;
		data = look(reader, 0, reader->size, &len);
		if (homeo_block_locate(data, len, GetSystemIdentifier(),
							   HOMEO_JOURNAL_POSITION(segment, 0), &header,
							   &skipped) != HOMEO_BLOCK_VALID ||
			header.epoch == epoch)
			continue;
		epoch = header.epoch;
		reader->lookup(epoch, &past);
		for (int i = 0; i < HOMEO_BUCKETS; i++)
			passed[i] = Max(passed[i], past.stored[i]);
	}
	for (int i = 0; i < HOMEO_BUCKETS; i++)
		least = Min(least, passed[i]);
	return least;
}

void
homeo_journal_begin(HomeoJournalReader *reader, HomeoJournalCursor *cursor)
{
	memset(cursor, 0, sizeof(*cursor));
	cursor->position = homeo_journal_stored(reader->consumer);
	if (cursor->position == 0)
		cursor->position =
			HOMEO_JOURNAL_POSITION(homeo_journal_oldest_segment(), 0);

	/* What breaks when it is stored costs nothing, and is told once. */
	if (reader->consumer == 0)
		reader->told = Max(reader->told, passed_by_all(reader));
}

static void
tell_damage(HomeoJournalReader *reader, uint64 position, uint32 bytes)
{
	if (reader->consumer != 0 || position < reader->told)
		return;
	reader->told = position + bytes;
	homeo_journal_count(HOMEO_JOURNAL_DAMAGED, 1);
	ereport(WARNING,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("segment \"%s\" of the journal is damaged at offset %u",
					FilePathName(reader->file),
					HOMEO_JOURNAL_OFFSET(position)),
			 errdetail("%u bytes cannot be read; what is behind them is stored.",
					   bytes)));
}

/*
 * Reads on behind what is no block at the cursor.  False: the segment has no
 * more blocks.
 */
static bool
find_block(HomeoJournalReader *reader, HomeoJournalCursor *cursor,
		   uint32 limit, HomeoBlockHeader *header)
{
	uint32		offset = HOMEO_JOURNAL_OFFSET(cursor->position);
	char	   *rest = palloc_extended(limit - offset, MCXT_ALLOC_HUGE);
	uint32		len = read_at(reader, offset, rest, limit - offset);
	size_t		skipped;
	HomeoBlockState state = homeo_block_locate(rest, len, GetSystemIdentifier(),
											   cursor->position, header,
											   &skipped);

	pfree(rest);
	if (state == HOMEO_BLOCK_DAMAGED || skipped > 0)
		tell_damage(reader, cursor->position,
					skipped > 0 ? (uint32) skipped : len);
	cursor->position += skipped;
	return state == HOMEO_BLOCK_VALID;
}

/* Is a record missing before this block? */
static void
check_sequence(HomeoJournalReader *reader, HomeoJournalCursor *cursor,
			   const HomeoBlockHeader *header)
{
	if (reader->past_epoch != header->epoch)
	{
		/* Asked again unless the answer comes. */
		reader->past_epoch = 0;
		reader->lookup(header->epoch, &reader->past);
		reader->past_epoch = header->epoch;
	}
	if (cursor->epoch != header->epoch)
	{
		cursor->epoch = header->epoch;
		cursor->sequence = 0;
		cursor->sequence_known = !reader->past.known;
	}
	if (cursor->sequence_known && header->sequence > cursor->sequence &&
		reader->consumer == 0 && header->position >= reader->told)
	{
		uint64		lost = header->sequence - cursor->sequence;

		reader->told = header->position + 1;
		homeo_journal_count(HOMEO_JOURNAL_LOST, lost);
		homeo_drops_note_unknown(HOMEO_DROP_CORRUPT, lost);
		ereport(WARNING,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg(UINT64_FORMAT " reported events are lost: they are missing in the journal before offset %u of segment \"%s\"",
						lost, HOMEO_JOURNAL_OFFSET(header->position),
						FilePathName(reader->file))));
	}
	cursor->sequence = header->sequence + header->nrecords;
	cursor->sequence_known = true;
}

/*
 * The header of the next block in the cursor's segment, up to limit.  False:
 * there is none.
 */
static bool
next_header(HomeoJournalReader *reader, HomeoJournalCursor *cursor,
			uint32 limit, HomeoBlockHeader *header)
{
	uint32		offset = HOMEO_JOURNAL_OFFSET(cursor->position);
	const char *data;
	uint32		len;

	if (offset >= limit)
		return false;
	data = look(reader, offset, limit, &len);
	if (homeo_block_check(data, len, GetSystemIdentifier(), cursor->position,
						  header) != HOMEO_BLOCK_VALID &&
		!find_block(reader, cursor, limit, header))
		return false;
	check_sequence(reader, cursor, header);
	return header->nrecords > 0;
}

/* Unpacks the block at the cursor. */
static bool
unpack(HomeoJournalReader *reader, const HomeoJournalCursor *cursor,
	   uint32 limit, const HomeoBlockHeader *header, HomeoJournalBlock *block)
{
	uint32		len;
	const char *data = look(reader, HOMEO_JOURNAL_OFFSET(cursor->position),
							limit, &len);
	char	   *raw = palloc(Max(header->raw_len, 1));

	if (!homeo_block_unpack(header, data + sizeof(*header), raw))
	{
		tell_damage(reader, cursor->position,
					(uint32) homeo_block_size(header));
		return false;
	}
	block->epoch = header->epoch;
	block->position = header->position;
	block->nrecords = header->nrecords;
	block->raw = raw;
	block->raw_len = header->raw_len;
	return true;
}

static bool
is_mine(const HomeoJournalReader *reader, const HomeoBlockHeader *header)
{
	return header->bucket < HOMEO_BUCKETS &&
		homeo_journal_consumer(header->bucket) == reader->consumer &&
		header->position >= reader->past.stored[header->bucket];
}

bool
homeo_journal_read(HomeoJournalReader *reader, HomeoJournalCursor *cursor,
				   HomeoJournalBlock *block)
{
	for (;;)
	{
		uint64		end = homeo_journal_end();
		uint32		segment = HOMEO_JOURNAL_SEGMENT(cursor->position);
		HomeoBlockHeader header;

		pg_read_barrier();
		if (cursor->position >= end)
			return false;
		if (open_segment(reader, segment))
		{
			uint32		limit = segment == HOMEO_JOURNAL_SEGMENT(end) ?
			HOMEO_JOURNAL_OFFSET(end) : reader->size;

			if (next_header(reader, cursor, limit, &header))
			{
				bool		mine = is_mine(reader, &header) &&
				unpack(reader, cursor, limit, &header, block);

				cursor->position += homeo_block_size(&header);
				if (mine)
					return true;
				continue;
			}
			if (segment == HOMEO_JOURNAL_SEGMENT(end))
			{
				cursor->position = end;
				return false;
			}
		}
		cursor->position = segment < HOMEO_JOURNAL_SEGMENT(end) ?
			HOMEO_JOURNAL_POSITION(segment + 1, 0) : end;
	}
}
