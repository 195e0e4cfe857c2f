/*
 * agent_state.c
 *		Tests of the state file: what is kept, and what is not believed.
 */
#include "agent/state.h"

#include <sys/stat.h>
#include <unistd.h>

#include "agent/files.h"
#include "agent/hash.h"
#include "agent_events.h"

static char directory[] = "/tmp/agent_state.XXXXXX";
static char path[100];

static void
free_all(HomeoStream *streams)
{
	while (streams != NULL)
	{
		HomeoStream *next = streams->next;

		agent_stream_free(streams);
		streams = next;
	}
}

static HomeoStream *
make_stream(const char *name, HomeoStream *next)
{
	HomeoStream *s = agent_stream_new(name, name);

	s->born_device = UINT64_MAX;
	s->born_inode = 2;
	s->first_line = 3;
	s->generation = 4;
	s->device = 5;
	s->inode = 6;
	s->size = 7;
	s->changed = -8;
	s->taken.offset = INT64_MAX;
	s->position = INT64_MAX;
	s->taken.tail_len = 256;
	s->taken.tail_hash = 11;
	s->head_len = 1024;
	s->head_hash = 13;
	s->intent_end = 14;
	s->intent_time = 15;
	s->gone = 16;
	s->format = agent_format_named("csvlog");
	s->next = next;
	return s;
}

static bool
alike(const HomeoStream *a, const HomeoStream *b)
{
	return strcmp(a->path, b->path) == 0 && strcmp(a->real, b->real) == 0 &&
		a->born_device == b->born_device && a->born_inode == b->born_inode &&
		a->first_line == b->first_line && a->generation == b->generation &&
		a->device == b->device && a->inode == b->inode && a->size == b->size &&
		a->changed == b->changed && a->taken.offset == b->taken.offset &&
		a->taken.tail_len == b->taken.tail_len &&
		a->taken.tail_hash == b->taken.tail_hash &&
		a->head_len == b->head_len && a->head_hash == b->head_hash &&
		a->intent_end == b->intent_end && a->intent_time == b->intent_time &&
		a->gone == b->gone && a->format == b->format &&
		b->position == b->taken.offset;
}

static void
test_round_trip(void)
{
	HomeoStream *first = make_stream("/var/log/a b%\n\x01\xff.log", NULL);
	HomeoStream *second = make_stream("%41%", first);
	HomeoStream *loaded;
	bool		found;

	loaded = agent_state_load(directory, &found);
	tap_ok(loaded == NULL && !found, "at first there is no state");
	tap_ok(agent_state_save(directory, second) && first->saved &&
		   second->saved, "streams are saved");
	loaded = agent_state_load(directory, &found);
	tap_ok(found && loaded != NULL && loaded->next != NULL &&
		   loaded->next->next == NULL && alike(first, loaded) &&
		   alike(second, loaded->next), "... and come back, whatever their names");
	free_all(loaded);

	/* Read to its end, but the database has not got all of it yet. */
	first->taken.offset = 1000;
	(void) agent_state_save(directory, first);
	loaded = agent_state_load(directory, &found);
	tap_ok(loaded != NULL && loaded->gone == 0 && loaded->position == 1000,
		   "what was not taken is read again");
	free_all(loaded);
	free_all(second);
}

/* Is a state of these bytes refused, and put aside? */
static bool
refused(HomeoSpan text)
{
	bool		found;
	HomeoStream *streams;
	FILE	   *file;
	char		aside[120];
	bool		moved;

	/* Not durable, unlike the agent's: there are thousands of them. */
	file = fopen(path, "wb");
	(void) fwrite(text.data, 1, text.len, file);
	(void) fclose(file);
	streams = agent_state_load(directory, &found);
	snprintf(aside, sizeof(aside), "%s.damaged", path);
	moved = access(path, F_OK) != 0 && unlink(aside) == 0;
	if (streams != NULL)
	{
		free_all(streams);
		return false;
	}
	return moved;
}

static bool
refused_with_hash(const char *body, int count)
{
	HomeoBuffer text = {0};
	bool		result;

	agent_buffer_add_string(&text, "homeostasis-agent state 1\n");
	agent_buffer_add_string(&text, body);
	agent_buffer_print(&text, "end %d %llx\n", count,
					   (unsigned long long) agent_hash(text.data, text.len));
	result = refused(agent_buffer_span(&text));
	agent_buffer_free(&text);
	return result;
}

static void
test_damaged(void)
{
	HomeoStream *stream = make_stream("/a", NULL);
	HomeoBuffer good = {0};
	int			missed = 0;

	(void) agent_state_save(directory, stream);
	(void) agent_read_file(path, &good);
	/* That each of these is said is not wanted here. */
	if (freopen("/dev/null", "w", stderr) == NULL)
		abort();
	for (size_t len = 0; len < good.len; len++)
		missed += !refused(agent_span(good.data, len));
	tap_ok(missed == 0, "a state that breaks off is refused (%d not)", missed);
	missed = 0;
	for (size_t i = 0; i < good.len * 8; i++)
	{
		good.data[i / 8] ^= (char) (1 << i % 8);
		missed += !refused(agent_buffer_span(&good));
		good.data[i / 8] ^= (char) (1 << i % 8);
	}
	/* Of the hash's digits, the case does not matter. */
	tap_ok(missed <= 16, "so is one with any bit that is wrong (%d not)",
		   missed);
	tap_ok(refused_with_hash("1 2 3\n", 1), "so is half a stream");
	tap_ok(refused_with_hash("1 2 3 4 5 6 7 8 9 300 11 12 13 14 15 16 text /a /a\n", 1),
		   "so is more of an end than there is room for");
	tap_ok(refused_with_hash("1 2 3 4 5 6 7 8 900 3 11 2000 13 14 15 16 text /a /a\n", 1),
		   "... or of a beginning");
	tap_ok(refused_with_hash("1 2 3 4 5 6 7 8 -9 0 11 12 13 14 15 16 text /a /a\n", 1),
		   "so is a place before the beginning");
	tap_ok(refused_with_hash("1 2 3 4 5 6 7 8 9 0 11 0 13 14 15 16 text /a /a\n", 2),
		   "so is a wrong number of streams");
	tap_ok(!refused_with_hash("1 2 3 4 5 6 7 8 9 0 11 0 13 14 15 16 text %4 /a%\n", 1),
		   "a percent sign that means nothing is one");
	agent_buffer_free(&good);
	free_all(stream);
}

int
main(void)
{
	if (mkdtemp(directory) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/state", directory);
	test_round_trip();
	test_damaged();
	(void) unlink(path);
	(void) rmdir(directory);
	return events_done();
}
