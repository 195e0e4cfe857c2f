/*
 * agent_json.c
 *		Fuzz target for the agent's JSON.
 *
 * What is written of any bytes is JSON, and comes back as text; a copy of
 * what is valid is valid, and copying it again changes nothing.
 */
#include "agent/json.h"

#include "check.h"

static HomeoBuffer out;
static HomeoBuffer again;
static HomeoBuffer plain;

static void
walk(HomeoSpan value, int depth)
{
	HomeoJsonCursor cursor;
	HomeoSpan	key;
	HomeoSpan	item;

	agent_buffer_clear(&plain);
	agent_json_text(value, &plain);
	if (depth == 8 || !agent_json_open(value, &cursor))
		return;
	while (agent_json_next(&cursor, &key, &item))
	{
		CHECK(item.len > 0 && item.data >= value.data &&
			  item.data + item.len < value.data + value.len);
		CHECK(agent_json_valid(item));
		walk(item, depth + 1);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *copy = exact_copy(data, size);
	HomeoSpan	input = agent_span(copy, size);
	size_t		clip = agent_utf8_clip(input, size / 2);

	CHECK(clip <= size / 2 && size / 2 - clip <= 3);
	agent_buffer_clear(&out);
	agent_json_write(&out, input);
	CHECK(agent_json_valid(agent_buffer_span(&out)));
	CHECK(is_utf8(out.data, out.len));
	agent_buffer_clear(&plain);
	agent_json_text(agent_buffer_span(&out), &plain);
	if (is_utf8(copy, size) && memchr(copy, '\0', size) == NULL)
		CHECK(plain.len >= size);

	if (agent_json_valid(input))
	{
		walk(input, 0);
		agent_buffer_clear(&out);
		agent_json_copy(&out, input);
		CHECK(agent_json_valid(agent_buffer_span(&out)));
		CHECK(is_utf8(out.data, out.len));
		agent_buffer_clear(&again);
		agent_json_copy(&again, agent_buffer_span(&out));
		CHECK(again.len == out.len &&
			  memcmp(again.data, out.data, out.len) == 0);
	}
	free(copy);
	return 0;
}
