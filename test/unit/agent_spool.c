/*
 * agent_spool.c
 *		Tests of the spool: order, limit, damage, and what crashes leave.
 */
#include "agent/spool.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/batch.h"
#include "agent/files.h"
#include "agent_events.h"

static char directory[] = "/tmp/agent_spool.XXXXXX";

static void
empty(void)
{
	char		path[400];
	DIR		   *dir;
	struct dirent *entry;

	snprintf(path, sizeof(path), "%s/spool", directory);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
	{
		snprintf(path, sizeof(path), "%s/spool/%s", directory, entry->d_name);
		(void) unlink(path);
	}
	if (dir != NULL)
		closedir(dir);
}

static void
put(const char *name, HomeoSpan content)
{
	char		path[300];

	snprintf(path, sizeof(path), "%s/spool/%s", directory, name);
	if (!agent_write_file(path, content))
		abort();
}

static bool
there(const char *name)
{
	char		path[300];

	snprintf(path, sizeof(path), "%s/spool/%s", directory, name);
	return access(path, F_OK) == 0;
}

static void
close_spool(HomeoSpool *spool)
{
	free(spool->directory);
	free(spool->batches);
}

static void
first_is(HomeoSpool *spool, int events, const char *json, const char *name)
{
	HomeoBuffer got = {0};
	int			n = agent_spool_first(spool, &got);

	(void) tap_same(got.len > 0 ? got.data : "", got.len, json, name);
	tap_ok(n == events, "... of %d events", events);
	agent_buffer_free(&got);
}

static void
test_order(void)
{
	HomeoSpool	spool;

	agent_spool_open(&spool, directory, 1 << 20);
	tap_ok(spool.count == 0, "at first it is empty");
	first_is(&spool, 0, "", "... and has no batch");
	tap_ok(agent_spool_add(&spool, BYTES("[1]"), 1) == HOMEO_SPOOL_DONE &&
		   agent_spool_add(&spool, BYTES("[2,\n3]"), 2) == HOMEO_SPOOL_DONE,
		   "batches are added");
	close_spool(&spool);

	agent_spool_open(&spool, directory, 1 << 20);
	tap_ok(spool.count == 2 && spool.events == 3 && spool.size > 0,
		   "they are there when it is opened again");
	first_is(&spool, 1, "[1]", "the oldest comes first");
	agent_spool_remove_first(&spool);
	first_is(&spool, 2, "[2,\n3]", "then the next");
	tap_ok(agent_spool_add(&spool, BYTES("[4]"), 1) == HOMEO_SPOOL_DONE &&
		   spool.batches[1].number == 3, "a number is not used twice");
	agent_spool_remove_first(&spool);
	agent_spool_remove_first(&spool);
	agent_spool_remove_first(&spool);
	tap_ok(spool.count == 0 && spool.size == 0 && spool.events == 0,
		   "in the end nothing is counted");
	close_spool(&spool);
}

static void
test_limit(void)
{
	HomeoSpool	spool;
	int			added = 0;
	HomeoSpoolResult result;

	agent_spool_open(&spool, directory, 200);
	while ((result = agent_spool_add(&spool, BYTES("[1]"), 1)) ==
		   HOMEO_SPOOL_DONE && added < 1000)
		added++;
	tap_ok(result == HOMEO_SPOOL_FULL && added > 0 && spool.size <= 200 &&
		   spool.count == added, "its limit is kept (%d batches)", added);
	agent_spool_remove_first(&spool);
	tap_ok(agent_spool_add(&spool, BYTES("[1]"), 1) == HOMEO_SPOOL_DONE,
		   "when one is gone there is room for another");
	close_spool(&spool);
	agent_spool_open(&spool, directory, 100);
	tap_ok(agent_spool_add(&spool, BYTES("[1]"), 1) == HOMEO_SPOOL_FULL,
		   "what an earlier run left counts");
	close_spool(&spool);
	empty();
}

static void
test_damaged(void)
{
	HomeoSpool	spool;
	HomeoBuffer packed = {0};
	HomeoBuffer cut = {0};

	agent_gzip(BYTES("[\"a long enough event\"]"), &packed);
	agent_buffer_add(&cut, packed.data, packed.len - 3);
	put("0000000000000007-5.gz", agent_buffer_span(&cut));
	packed.data[packed.len / 2] ^= 1;
	put("0000000000000008-2.gz", agent_buffer_span(&packed));
	put("0000000000000009-1.gz", BYTES(""));
	packed.data[packed.len / 2] ^= 1;
	put("0000000000000010-1.gz", agent_buffer_span(&packed));
	put("0000000000000011-0.gz", agent_buffer_span(&packed));
	put("0000000000000012--1.gz", agent_buffer_span(&packed));
	put("readme", BYTES("x"));
	put("0000000000000013-1.gz.new", BYTES("x"));
	agent_spool_open(&spool, directory, 1 << 20);
	tap_ok(spool.count == 4 && spool.events == 9,
		   "what is no batch is no batch");
	tap_ok(!there("0000000000000013-1.gz.new") && there("readme"),
		   "what a crash left half is removed, and nothing else");
	first_is(&spool, 1, "[\"a long enough event\"]",
			 "batches that are damaged are passed over");
	tap_ok(spool.damaged == 3 && there("0000000000000007-5.gz.damaged") &&
		   there("0000000000000008-2.gz.damaged") && spool.events == 1,
		   "... counted and put aside");
	close_spool(&spool);
	empty();
	agent_buffer_free(&packed);
	agent_buffer_free(&cut);
}

/* What gunzip makes of it must not fill the memory. */
static void
test_bomb(void)
{
	HomeoBuffer plain = {0};
	HomeoBuffer packed = {0};
	HomeoBuffer out = {0};

	memset(agent_buffer_room(&plain, (size_t) 80 << 20), ' ',
		   (size_t) 80 << 20);
	plain.len = (size_t) 80 << 20;
	agent_gzip(agent_buffer_span(&plain), &packed);
	agent_buffer_free(&plain);
	tap_ok(!agent_gunzip(agent_buffer_span(&packed), &out) &&
		   out.room <= (size_t) 128 << 20, "80 MB of blanks are refused");
	agent_buffer_free(&packed);
	agent_buffer_free(&out);
}

static void
test_batch(void)
{
	HomeoBatch	batch = {0};
	HomeoStream *stream = agent_stream_new("a", "a");
	HomeoBuffer part = {0};
	int64_t		asof;

	tap_ok(agent_batch_asof(&batch, stream, 0, &asof) && asof == batch.asof,
		   "a record is as of when the batch was opened");
	for (int i = 0; i < 5; i++)
		agent_buffer_print(agent_batch_event(&batch), "{\"n\":%d}", i);
	stream->position = 50;
	agent_batch_mark(&batch, stream, asof, true);
	tap_ok(agent_batch_intend(&batch) && stream->intent_end == 50 &&
		   stream->intent_time == asof, "what it intends is to be saved");
	stream->saved = true;
	tap_ok(!agent_batch_intend(&batch), "... once");
	tap_ok(stream->taken.offset == 0, "nothing is taken before it has arrived");
	agent_batch_part(agent_batch_close(&batch), 0, 5, &part);
	(void) tap_same(part.data, part.len, batch.json.data, "all of it");
	agent_buffer_clear(&part);
	agent_batch_part(agent_batch_close(&batch), 1, 3, &part);
	(void) tap_same(part.data, part.len, "[{\"n\":1},\n{\"n\":2}]", "a part");
	agent_buffer_clear(&part);
	agent_batch_part(agent_batch_close(&batch), 4, 5, &part);
	(void) tap_same(part.data, part.len, "[{\"n\":4}]", "the last one");
	agent_batch_take(&batch);
	tap_ok(stream->taken.offset == 50 && batch.events == 0 && batch.opened == 0,
		   "then it is taken, and empty");

	/* Read again after a crash, an event has the time that it had. */
	stream->intent_time = 7;
	(void) agent_batch_asof(&batch, stream, 49, &asof);
	tap_ok(asof == 7, "what was perhaps reported keeps its time");
	agent_batch_mark(&batch, stream, asof, true);
	tap_ok(!agent_batch_asof(&batch, stream, 50, &asof),
		   "... and is no batch with what was not");
	agent_buffer_free(&part);
	agent_buffer_free(&batch.json);
	free(batch.marks);
	agent_stream_free(stream);
}

int
main(void)
{
	char		path[100];

	if (mkdtemp(directory) == NULL)
		return 1;
	test_order();
	test_limit();
	test_damaged();
	test_bomb();
	test_batch();
	snprintf(path, sizeof(path), "%s/spool", directory);
	(void) rmdir(path);
	(void) rmdir(directory);
	return events_done();
}
