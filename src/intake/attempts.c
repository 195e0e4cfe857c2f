/*
 * attempts.c
 *		Keeps an event that crashes the server from doing so for ever.
 *
 * A crash in a batch makes the next life try its blocks alone, as far as the
 * batch went; a block at which two lives more have ended is given up.  So one
 * bad event costs three crashes, beside that of the life in which it came.
 *
 * The note need not survive a loss of power, so it is not flushed.  A note that
 * cannot be read or written counts as none: it is a precaution only.
 */
#include "postgres.h"

#include "intake/attempts.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/guc.h"
#include "intake/ring.h"
#include "storage/fd.h"

/* Lives that end at a block alone before it is given up. */
#define MAX_ALONE	2

typedef struct HomeoAttemptNote
{
	uint64		epoch;			/* life that noted it */
	uint64		position;
	uint64		end;
	uint64		tries;			/* of the position, this one included */
} HomeoAttemptNote;

/* Of the life before this one; zero: none. */
static HomeoAttemptNote before;

static void
note_path(char path[MAXPGPATH], int consumer)
{
	snprintf(path, MAXPGPATH, "homeostasis/attempt.%d", consumer);
}

void
homeo_attempts_begin(int consumer)
{
	char		path[MAXPGPATH];
	int			fd;

	for (int i = homeo_guc_ingest_workers;
		 consumer == 0 && i < HOMEO_MAX_INGEST_WORKERS; i++)
		homeo_attempts_end(i);
	note_path(path, consumer);
	fd = BasicOpenFile(path, O_RDONLY | PG_BINARY);
	if (fd < 0)
		return;
	if (read(fd, &before, sizeof(before)) != sizeof(before) ||
		before.epoch == homeo_ring_epoch())
		memset(&before, 0, sizeof(before));
	close(fd);
}

/* The how-manieth attempt at a block that would be. */
static uint64
tries_of(uint64 position)
{
	if (position == before.position)
		return before.tries + 1;
	/* Part of a batch in which it happened: no longer with others. */
	return position > before.position && position < before.end ? 2 : 1;
}

HomeoAttempt
homeo_attempts_next(uint64 position)
{
	uint64		tries = tries_of(position);

	if (tries > 1 + MAX_ALONE)
		return HOMEO_ATTEMPT_REJECT;
	return tries > 1 ? HOMEO_ATTEMPT_ALONE : HOMEO_ATTEMPT_BATCH;
}

void
homeo_attempts_note(int consumer, uint64 position, uint64 end)
{
	HomeoAttemptNote note = {
		.epoch = homeo_ring_epoch(),
		.position = position,
		.end = Max(end, before.end),
		.tries = tries_of(position)
	};
	char		path[MAXPGPATH];
	int			fd;

	note_path(path, consumer);
	fd = BasicOpenFile(path, O_RDWR | O_CREAT | O_TRUNC | PG_BINARY);
	if (fd < 0)
		return;
	if (write(fd, &note, sizeof(note)) != sizeof(note))
		unlink(path);
	close(fd);
}

void
homeo_attempts_end(int consumer)
{
	char		path[MAXPGPATH];

	note_path(path, consumer);
	unlink(path);
}
