/*
 * agent_events.h
 *		What the tests of the agent's formats share: records, and what they say.
 */
#ifndef HOMEO_AGENT_EVENTS_H
#define HOMEO_AGENT_EVENTS_H

#include <stdlib.h>
#include <time.h>

#include "agent/format.h"
#include "agent/json.h"
#include "agent/say.h"

#include "tap.h"

/* 2026-03-01 12:00:00 UTC */
#define AS_OF	(INT64_C(1772366400) * AGENT_SECOND)

/* Bytes of a literal, which may have NUL in it. */
#define BYTES(literal)	agent_span(literal, sizeof(literal) - 1)

static HomeoLogEvent event;

static inline void
set_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

/* In memory of exactly its size, so that reading beyond it is seen. */
static inline HomeoSpan
exact(HomeoSpan text)
{
	char	   *copy = malloc(text.len > 0 ? text.len : 1);

	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	return agent_span(copy, text.len);
}

static inline void
parse(const char *format, HomeoSpan record)
{
	HomeoSpan	copy = exact(record);

	agent_format_parse(agent_format_named(format), copy, AS_OF, &event);
	free((char *) (uintptr_t) copy.data);
}

static inline void
has(HomeoLogField field, const char *expected, const char *name)
{
	HomeoSpan	got = agent_buffer_span(&event.text[field]);

	(void) tap_same(got.data, got.len, expected, name);
}

static inline void
has_level(HomeoLevel level, const char *name)
{
	if (!tap_ok(event.level == level, "%s", name))
		printf("#   got level %d\n", (int) event.level);
}

/* seconds since 1970 and microseconds; -1: no time is known */
static inline void
has_time(int64_t seconds, int microseconds, const char *name)
{
	int64_t		expected = seconds * AGENT_SECOND + microseconds;

	if (!tap_ok(seconds < 0 ? !event.timestamp.known :
				event.timestamp.known && event.timestamp.time == expected,
				"%s", name))
		printf("#   got %lld, expected %lld\n",
			   (long long) event.timestamp.time, (long long) expected);
}

static inline void
has_metadata(const char *expected, const char *name)
{
	HomeoSpan	got = agent_buffer_span(&event.metadata);

	(void) tap_same(got.data, got.len, expected, name);
}

/*
 * The lengths of the records of a text, of which `step` bytes more are there
 * each time that no record is; the same whatever the step.
 */
static inline void
frames_by(const char *format, HomeoSpan text, size_t step, HomeoBuffer *out)
{
	const HomeoFormat *f = agent_format_named(format);
	size_t		start = 0;
	size_t		there = 0;
	HomeoFrame	frame = {0};

	while (start < text.len)
	{
		HomeoSpan	piece = exact(agent_span(text.data + start, there - start));
		size_t		n = f->frame(&frame, piece, there == text.len ?
								 HOMEO_MORE_NEVER : HOMEO_MORE_COMES);

		free((char *) (uintptr_t) piece.data);
		if (n > 0)
		{
			agent_buffer_print(out, "%s%zu", out->len > 0 ? " " : "", n);
			start += n;
			memset(&frame, 0, sizeof(frame));
		}
		else if (there == text.len)
			break;
		else
			there = there + step > text.len ? text.len : there + step;
	}
}

static inline void
frames(const char *format, const HomeoSpan *records, int nrecords,
	   const char *name)
{
	HomeoBuffer text = {0};
	HomeoBuffer expected = {0};
	HomeoBuffer whole = {0};
	HomeoBuffer torn = {0};

	for (int i = 0; i < nrecords; i++)
	{
		agent_buffer_add(&text, records[i].data, records[i].len);
		agent_buffer_print(&expected, "%s%zu", i > 0 ? " " : "",
						   records[i].len);
	}
	frames_by(format, agent_buffer_span(&text), text.len, &whole);
	frames_by(format, agent_buffer_span(&text), 1, &torn);
	(void) tap_same(whole.data, whole.len, expected.data, name);
	(void) tap_same(torn.data, torn.len, expected.data,
					"... a byte at a time, too");
	agent_buffer_free(&text);
	agent_buffer_free(&expected);
	agent_buffer_free(&whole);
	agent_buffer_free(&torn);
}

/* The records, one behind the other, are found in what they make together. */
#define FRAMES(format, name, ...) \
	do { \
		HomeoSpan	records[] = {__VA_ARGS__}; \
		frames(format, records, sizeof(records) / sizeof(records[0]), name); \
	} while (0)

static inline int
events_done(void)
{
	agent_event_free(&event);
	return tap_done();
}

#endif							/* HOMEO_AGENT_EVENTS_H */
