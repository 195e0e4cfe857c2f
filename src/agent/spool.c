/*
 * spool.c
 *		Batches on disk, while the database is away.
 *
 * Each is a file of its own, compressed by gzip, whose name has a number that
 * tells the order, and how many events there are.
 */
#include "agent/spool.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/files.h"
#include "agent/say.h"

static void
path_of(const HomeoSpool *spool, const HomeoSpooled *batch, char *path,
		size_t size)
{
	snprintf(path, size, "%s/%016" PRIu64 "-%d.gz", spool->directory,
			 batch->number, batch->events);
}

static void
append(HomeoSpool *spool, const HomeoSpooled *batch)
{
	if (spool->count == spool->room)
	{
		spool->room = spool->room == 0 ? 16 : 2 * spool->room;
		spool->batches = agent_reallocate(spool->batches,
										  sizeof(HomeoSpooled) *
										  (size_t) spool->room);
	}
	spool->batches[spool->count++] = *batch;
	spool->size += batch->size;
	spool->events += batch->events;
	if (batch->number >= spool->next)
		spool->next = batch->number + 1;
}

static int
compare(const void *a, const void *b)
{
	uint64_t	x = ((const HomeoSpooled *) a)->number;
	uint64_t	y = ((const HomeoSpooled *) b)->number;

	return x < y ? -1 : x > y;
}

void
agent_spool_open(HomeoSpool *spool, const char *state_directory, int64_t limit)
{
	char		path[PATH_MAX];
	DIR		   *dir;
	struct dirent *entry;

	memset(spool, 0, sizeof(*spool));
	snprintf(path, sizeof(path), "%s/spool", state_directory);
	spool->directory = agent_copy_string(path);
	spool->limit = limit;
	spool->next = 1;
	if (!agent_make_directory(path) || (dir = opendir(path)) == NULL)
		agent_fail("could not open the spool %s: %s", path, strerror(errno));
	/* cppcheck-suppress readdirCalled */
	while ((entry = readdir(dir)) != NULL)
	{
		HomeoSpooled batch = {0};
		struct stat st;
		int			end = 0;

		/* What a crash left of a batch that never became one. */
		if (agent_span_ends(agent_span_string(entry->d_name), ".gz.new"))
		{
			if (snprintf(path, sizeof(path), "%s/%s", spool->directory,
						 entry->d_name) < (int) sizeof(path))
				(void) unlink(path);
			continue;
		}
		if (sscanf(entry->d_name, "%16" SCNu64 "-%d.gz%n", &batch.number,
				   &batch.events, &end) != 2 || end == 0 ||
			entry->d_name[end] != '\0' || batch.events < 1)
			continue;
		path_of(spool, &batch, path, sizeof(path));
		if (stat(path, &st) != 0)
			continue;
		batch.size = st.st_size;
		append(spool, &batch);
	}
	closedir(dir);
	if (spool->count > 1)
		qsort(spool->batches, (size_t) spool->count, sizeof(HomeoSpooled),
			  compare);
}

HomeoSpoolResult
agent_spool_add(HomeoSpool *spool, HomeoSpan json, int events)
{
	char		path[PATH_MAX];
	HomeoBuffer packed = {0};
	HomeoSpooled batch = {spool->next, events, 0};
	HomeoSpoolResult result = HOMEO_SPOOL_DONE;

	agent_gzip(json, &packed);
	batch.size = (int64_t) packed.len;
	path_of(spool, &batch, path, sizeof(path));
	if (spool->size + batch.size > spool->limit)
		result = HOMEO_SPOOL_FULL;
	else if (!agent_write_file(path, agent_buffer_span(&packed)))
	{
		agent_warn("could not write %s: %s", path, strerror(errno));
		result = HOMEO_SPOOL_FAILED;
	}
	else
		append(spool, &batch);
	agent_buffer_free(&packed);
	return result;
}

/* Takes the first batch off the list. */
static void
forget_first(HomeoSpool *spool)
{
	spool->size -= spool->batches[0].size;
	spool->events -= spool->batches[0].events;
	spool->count--;
	memmove(spool->batches, spool->batches + 1,
			sizeof(HomeoSpooled) * (size_t) spool->count);
}

int
agent_spool_first(HomeoSpool *spool, HomeoBuffer *json)
{
	while (spool->count > 0)
	{
		char		path[PATH_MAX];
		char		aside[PATH_MAX + 10];
		HomeoBuffer packed = {0};
		bool		good;

		path_of(spool, &spool->batches[0], path, sizeof(path));
		agent_buffer_clear(json);
		good = agent_read_file(path, &packed) &&
			agent_gunzip(agent_buffer_span(&packed), json);
		agent_buffer_free(&packed);
		if (good)
			return spool->batches[0].events;

		snprintf(aside, sizeof(aside), "%s.damaged", path);
		(void) rename(path, aside);
		agent_warn("a batch of the spool with %d events could not be read, and was renamed to %s",
				   spool->batches[0].events, aside);
		spool->damaged++;
		forget_first(spool);
	}
	return 0;
}

void
agent_spool_remove_first(HomeoSpool *spool)
{
	char		path[PATH_MAX];

	if (spool->count == 0)
		return;
	path_of(spool, &spool->batches[0], path, sizeof(path));
	if (unlink(path) != 0 && errno != ENOENT)
		agent_warn("could not remove %s: %s", path, strerror(errno));
	forget_first(spool);
}
