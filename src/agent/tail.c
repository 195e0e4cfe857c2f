/*
 * tail.c
 *		The command `homeostasis-agent tail`: from files to the database.
 *
 * One loop, in which nothing waits but poll(): records of the files become
 * events of a batch; the batch leaves when it is full or old; when the
 * database does not take it, it goes to the spool, and when that is full,
 * the files are not read on.  The position of a file moves when the database
 * or the spool has what was read, never before; so whatever dies, what was
 * under way is read, or sent, again, with the same ids and times.
 */
#include "agent/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/files.h"
#include "agent/flight.h"
#include "agent/follow.h"
#include "agent/options.h"
#include "agent/say.h"
#include "agent/state.h"
#include "agent/watch.h"
#include "wire/event.h"

/* Records of one file at a time, so that others get their turn. */
#define TURN_RECORDS	2000

/* A batch on its way for so long makes room for the next in the spool. */
#define PARK_TIME		(AGENT_SECOND)

/* Positions are saved so often. */
#define SAVE_TIME		(AGENT_SECOND)

/* To finish what is under way when the agent is asked to end. */
#define STOP_TIME		(5 * AGENT_SECOND)

/* With --once, the database is given up after so many attempts. */
#define ONCE_ATTEMPTS	6

typedef struct HomeoTail
{
	HomeoTailOptions options;
	HomeoWatch	watch;
	HomeoSender sender;
	HomeoSpool	spool;
	HomeoFlight flight;
	HomeoBatch	batch;
	HomeoLogEvent event;		/* of the record at hand */
	bool		leave;			/* the batch must leave before more is read */
	bool		paused;			/* the spool is full */
	bool		unsaved;		/* positions have moved */
	int64_t		saved_at;		/* ticks, like the next */
	int64_t		scanned_at;
	int64_t		retry_at;		/* a disk that failed is tried again then */
	int64_t		records;
	int64_t		cut;
	int64_t		full;			/* times that the spool was full */
} HomeoTail;

static volatile sig_atomic_t stop_asked;
static volatile sig_atomic_t counts_asked;

static void
on_stop(int number)
{
	stop_asked = 1;
}

static void
on_counts(int number)
{
	counts_asked = 1;
}

static void
catch_signals(void)
{
	struct sigaction action = {0};

	/* Without SA_RESTART: poll() must return. */
	action.sa_handler = on_stop;
	(void) sigaction(SIGTERM, &action, NULL);
	(void) sigaction(SIGINT, &action, NULL);
	action.sa_handler = on_counts;
	(void) sigaction(SIGUSR1, &action, NULL);
	(void) signal(SIGHUP, SIG_IGN);
}

/* Two agents with one state would undo each other's positions. */
static void
lock_state(const char *directory)
{
	char		path[PATH_MAX];
	int			fd;

	if (!agent_make_directory(directory))
		agent_fail("could not make the directory %s: %s", directory,
				   strerror(errno));
	snprintf(path, sizeof(path), "%s/lock", directory);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		agent_fail("could not open %s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		agent_fail("another homeostasis-agent works with %s; give this one its own --state-dir",
				   directory);
	/* It stays open, and so locked, until the program ends. */
	/* cppcheck-suppress resourceLeak */
}

static void
say_counts(const HomeoTail *tail)
{
	agent_inform("%lld records read, %lld events reported, %lld refused, %lld dropped, %lld in the spool (%lld bytes)",
				 (long long) tail->records, (long long) tail->flight.reported,
				 (long long) tail->flight.refused,
				 (long long) tail->flight.dropped,
				 (long long) tail->spool.events, (long long) tail->spool.size);
	agent_inform("%lld records cut, %lld bytes lost, spool full %lld times, %lld damaged batches",
				 (long long) tail->cut, (long long) tail->watch.lost_bytes,
				 (long long) tail->full, (long long) tail->spool.damaged);
}

static bool
save(HomeoTail *tail)
{
	tail->saved_at = agent_ticks();
	if (!agent_state_save(tail->options.state_directory, tail->watch.streams))
	{
		tail->retry_at = tail->saved_at + AGENT_SECOND;
		return false;
	}
	tail->unsaved = false;
	tail->watch.changed = false;
	return true;
}

/* ----------------------------------------------------------------
 * Reading
 * ----------------------------------------------------------------
 */

static bool
batch_is_full(const HomeoTail *tail)
{
	return tail->leave || tail->batch.events >= tail->options.batch_size ||
		tail->batch.json.len >= AGENT_BATCH_BYTES;
}

/*
 * Makes an event of the record in tail->event; returns whether it depends on
 * when it was read.
 */
static bool
add_event(HomeoTail *tail, const HomeoStream *stream, int64_t offset,
		  int64_t asof)
{
	const HomeoTailOptions *options = &tail->options;
	char		id[HOMEO_WIRE_ID_LIMIT];
	HomeoEventOrigin origin = {0};

	agent_stream_id(stream, options->host, offset, id, sizeof(id));
	origin.service = options->service;
	origin.language = options->language;
	origin.release = options->release;
	origin.environment = options->environment.len > 0 ?
		options->environment.data : NULL;
	origin.host = options->host;
	origin.file = stream->path;
	origin.id = id;
	origin.offset = offset;
	origin.asof = asof;
	agent_event_write(&tail->event, &origin, agent_batch_event(&tail->batch));
	return !tail->event.timestamp.known || tail->event.timestamp.guessed;
}

static void
take_record(HomeoTail *tail, HomeoStream *stream, const HomeoRecord *record,
			int64_t asof)
{
	bool		used = false;

	tail->records++;
	if (record->cut)
	{
		tail->cut++;
		agent_warn("a record of %lld bytes at byte %lld of %s was cut",
				   (long long) record->length, (long long) record->offset,
				   stream->path);
	}
	agent_format_parse(stream->format, record->text, asof, &tail->event);
	if (tail->event.level >= tail->options.level)
	{
		if (record->cut)
			agent_event_note(&tail->event, agent_span_string("log_cut"),
							 agent_span_string("true"));
		used = add_event(tail, stream, record->offset, asof);
	}
	agent_follow_pass(stream, record);
	agent_batch_mark(&tail->batch, stream, asof, used);
}

/* Reads on in one stream; true: there may be more at once. */
static bool
read_stream(HomeoTail *tail, HomeoStream *stream)
{
	HomeoRecord record;
	int64_t		asof;

	for (int i = 0; i < TURN_RECORDS; i++)
	{
		if (batch_is_full(tail))
			return false;
		if (!agent_follow_record(stream, tail->options.once, &record))
		{
			if (stream->ending)
				agent_watch_end(&tail->watch, stream);
			return false;
		}
		if (!agent_batch_asof(&tail->batch, stream, record.offset, &asof))
		{
			tail->leave = true;
			return false;
		}
		take_record(tail, stream, &record, asof);
	}
	return true;
}

static bool
read_all(HomeoTail *tail)
{
	bool		more = false;

	for (HomeoStream *s = tail->watch.streams; s != NULL; s = s->next)
	{
		if (!agent_stream_done(s))
			more |= read_stream(tail, s);
	}
	return more;
}

/* ----------------------------------------------------------------
 * Reporting
 * ----------------------------------------------------------------
 */

static bool
batch_is_due(const HomeoTail *tail)
{
	if (tail->batch.opened == 0)
		return false;
	return batch_is_full(tail) || stop_asked || tail->options.once ||
		agent_ticks() - tail->batch.opened >= tail->options.batch_timeout;
}

/* Says so when the spool gets full, or cannot be written. */
static bool
note_spool(HomeoTail *tail, HomeoSpoolResult result)
{
	if (result == HOMEO_SPOOL_FULL && !tail->paused)
	{
		tail->full++;
		agent_warn("the spool is full (%lld events, %lld bytes): files are not read on until the database takes some; what is removed or truncated meanwhile is lost",
				   (long long) tail->spool.events,
				   (long long) tail->spool.size);
		tail->paused = true;
	}
	if (result == HOMEO_SPOOL_FAILED)
		tail->retry_at = agent_ticks() + AGENT_SECOND;
	return result == HOMEO_SPOOL_DONE;
}

/*
 * Puts the batch under way into the spool, if it is not from there.  While an
 * answer is awaited it stays: the answer must not be taken for another's.
 */
static bool
park(HomeoTail *tail)
{
	HomeoFlight *flight = &tail->flight;

	if (!flight->under_way || flight->spooled)
		return true;
	if (tail->sender.state == HOMEO_SEND_BUSY ||
		agent_ticks() - flight->since < PARK_TIME)
		return false;
	tail->unsaved = true;
	return note_spool(tail, agent_flight_park(flight, &tail->spool));
}

/* Puts the batch that is being filled into the spool. */
static bool
spool_batch(HomeoTail *tail)
{
	HomeoSpoolResult result = agent_spool_add(&tail->spool,
											  agent_batch_close(&tail->batch),
											  tail->batch.events);

	if (!note_spool(tail, result))
		return false;
	agent_batch_take(&tail->batch);
	tail->unsaved = true;
	return true;
}

/* Lets the batch leave, if it is time. */
static void
dispatch(HomeoTail *tail)
{
	HomeoFlight *flight = &tail->flight;

	if (!batch_is_due(tail) || agent_ticks() < tail->retry_at)
		return;
	if (tail->batch.events == 0)
	{
		/* Nothing to report; but what is under way comes first. */
		if (flight->under_way && !flight->spooled)
			return;
		agent_batch_take(&tail->batch);
		tail->unsaved = true;
		tail->leave = false;
		return;
	}
	if (flight->under_way && !park(tail))
		return;
	if (agent_batch_intend(&tail->batch) && !save(tail))
		return;
	if (!flight->under_way && tail->spool.count == 0)
		agent_flight_begin(flight, &tail->batch);
	else if (!spool_batch(tail))
		return;
	tail->leave = false;
}

/* Not with each batch that goes: half of the spool must be free again. */
static void
note_room(HomeoTail *tail)
{
	if (!tail->paused || tail->spool.size > tail->spool.limit / 2)
		return;
	agent_inform("the spool has room again: files are read on");
	tail->paused = false;
}

static void
report(HomeoTail *tail)
{
	HomeoFlight *flight = &tail->flight;

	if (!flight->under_way && tail->spool.count > 0)
		(void) agent_flight_begin_spooled(flight, &tail->spool);
	while (agent_flight_step(flight, &tail->sender, &tail->spool))
	{
		tail->unsaved = true;
		note_room(tail);
		if (tail->spool.count > 0)
			(void) agent_flight_begin_spooled(flight, &tail->spool);
	}
}

/* ----------------------------------------------------------------
 * The loop
 * ----------------------------------------------------------------
 */

static void
wait_for_something(HomeoTail *tail, bool more)
{
	struct pollfd wanted = {-1, 0, 0};
	int64_t		now = agent_ticks();
	int64_t		until = tail->scanned_at + tail->options.poll_interval;
	int64_t		left;

	wanted.fd = agent_send_socket(&tail->sender, &wanted.events);
	if (tail->batch.opened != 0 &&
		tail->batch.opened + tail->options.batch_timeout > now &&
		tail->batch.opened + tail->options.batch_timeout < until)
		until = tail->batch.opened + tail->options.batch_timeout;
	if (tail->sender.retry_at > now && tail->sender.retry_at < until)
		until = tail->sender.retry_at;
	left = more ? 0 : until - now;
	(void) poll(&wanted, 1, left <= 0 ? (more ? 0 : 1) :
				(int) (left / 1000) + 1);
}

static bool
nothing_left(const HomeoTail *tail)
{
	return tail->batch.opened == 0 && !tail->flight.under_way &&
		tail->spool.count == 0;
}

/* One turn; returns whether there may be more to read at once. */
static bool
turn(HomeoTail *tail)
{
	bool		more = false;
	int64_t		now = agent_ticks();

	if (now - tail->scanned_at >= tail->options.poll_interval ||
		tail->scanned_at == 0)
	{
		agent_watch_scan(&tail->watch);
		tail->scanned_at = agent_ticks();
	}
	if (!stop_asked)
		more = read_all(tail);
	dispatch(tail);
	report(tail);
	if (counts_asked)
	{
		counts_asked = 0;
		say_counts(tail);
	}
	if ((tail->unsaved || tail->watch.changed) &&
		agent_ticks() - tail->saved_at >= SAVE_TIME &&
		agent_ticks() >= tail->retry_at)
		(void) save(tail);
	/* Not while a disk that failed is given time. */
	return more || (batch_is_due(tail) && agent_ticks() >= tail->retry_at);
}

/* What the database does not take before the end goes to the spool. */
static void
finish(HomeoTail *tail)
{
	HomeoFlight *flight = &tail->flight;

	agent_send_close(&tail->sender);
	if (flight->under_way && !flight->spooled)
	{
		if (!note_spool(tail, agent_flight_park(flight, &tail->spool)))
			agent_warn("%d events are read again by the next run",
					   flight->batch.events);
	}
	if ((!flight->under_way || flight->spooled) && tail->batch.opened != 0 &&
		(!agent_batch_intend(&tail->batch) || save(tail)))
	{
		if (tail->batch.events == 0)
			agent_batch_take(&tail->batch);
		else
			(void) spool_batch(tail);
	}
	(void) save(tail);
	say_counts(tail);
}

static int
run(HomeoTail *tail)
{
	int64_t		stopped_at = 0;
	bool		given_up = false;
	bool		more;

	for (;;)
	{
		more = turn(tail);
		if (stop_asked && stopped_at == 0)
			stopped_at = agent_ticks();
		if (stop_asked && ((!tail->flight.under_way &&
							tail->batch.opened == 0) ||
						   tail->sender.away_said ||
						   agent_ticks() - stopped_at > STOP_TIME))
			break;
		if (tail->options.once && !more && nothing_left(tail))
			break;
		if (tail->options.once && tail->sender.failures >= ONCE_ATTEMPTS)
		{
			given_up = true;
			break;
		}
		wait_for_something(tail, more && !tail->paused &&
						   !tail->flight.under_way);
	}
	if (given_up)
		agent_warn("the database was tried %d times; what it did not take waits for the next run",
				   ONCE_ATTEMPTS);
	finish(tail);
	return given_up ? 1 : 0;
}

int
agent_tail(int argc, char **argv)
{
	static HomeoTail tail;
	bool		found;

	agent_tail_options(argc, argv, &tail.options);
	lock_state(tail.options.state_directory);
	tail.watch.streams = agent_state_load(tail.options.state_directory,
										  &found);
	tail.watch.patterns = tail.options.patterns;
	tail.watch.npatterns = tail.options.npatterns;
	tail.watch.format = tail.options.format;
	tail.watch.once = tail.options.once;
	tail.watch.from_end = tail.options.from_end && !found;
	tail.watch.rotate_wait = tail.options.rotate_wait;
	agent_spool_open(&tail.spool, tail.options.state_directory,
					 tail.options.spool_limit);
	if (tail.spool.count > 0)
		agent_inform("%lld events wait in the spool",
					 (long long) tail.spool.events);
	agent_send_open(&tail.sender, tail.options.conninfo,
					tail.options.answer_timeout);
	catch_signals();
	return run(&tail);
}
