/*
 * miner.c
 *		Fuzz target for taking lines of logs apart and finding their templates.
 *
 * The first byte chooses how many templates there is room for and whether
 * they are loaded into another miner half-way; the rest is lines of a log.
 */
#include "text/log_line.h"
#include "text/miner.h"

#include "check.h"

#define BIG_BLOCK		(512 * 1024)
#define SMALL_BLOCK		(8 * 1024)

/* A line's text is as good as the line. */
static void
check_line(const HomeoLogLine *line)
{
	HomeoLogLine again;
	HomeoLogLine wide;
	uint64_t	places = 0;
	int			i;

	CHECK(line->len <= HOMEO_LOG_LINE_BYTES);
	homeo_log_line_parse(line->str, line->len, &again);
	CHECK(again.len == line->len && again.ntokens == line->ntokens);
	CHECK(memcmp(again.str, line->str, line->len) == 0);
	for (i = 0; i < line->ntokens; i++)
	{
		const HomeoToken *token = &line->tokens[i];

		CHECK(again.tokens[i].key == token->key);
		CHECK(token->len > 0 && token->start + token->len <= line->len);
		if (homeo_token_kind(token->key) != HOMEO_TOKEN_KEY && i % 3 != 1)
			places |= UINT64_C(1) << i;
	}

	/* So is the text that others made of it. */
	wide = *line;
	homeo_log_line_widen(&wide, places);
	CHECK(wide.len <= HOMEO_LOG_LINE_BYTES);
	homeo_log_line_parse(wide.str, wide.len, &again);
	CHECK(again.ntokens == line->ntokens && again.len == wide.len);
	for (i = 0; i < line->ntokens; i++)
		CHECK(again.tokens[i].key == wide.tokens[i].key &&
			  again.tokens[i].start == wide.tokens[i].start);
}

/* Lines are of one scope or another by what they begin with. */
static uint64_t
scope_of(const char *message, size_t len)
{
	return len > 0 ? (uint64_t) (message[0] & 1) << 40 : 0;
}

/* Loads into other what miner knows, the last first. */
static void
copy_templates(const HomeoMiner *miner, const uint64_t *scopes, uint32_t max_id,
			   HomeoMiner *other)
{
	char		str[HOMEO_LOG_LINE_BYTES];
	size_t		len;
	uint32_t	id;

	homeo_miner_reserve(other, max_id);
	for (id = max_id; id > 0; id--)
	{
		if (homeo_miner_text(miner, id, str, &len))
			CHECK(homeo_miner_load(other, scopes[id], id, str, len));
	}
	CHECK(homeo_miner_count(other) == homeo_miner_count(miner));
}

static void
check_same(const HomeoMinerResult *a, const HomeoMinerResult *b)
{
	CHECK(a->id == b->id && a->is_new == b->is_new &&
		  a->is_wider == b->is_wider && a->nmerged == b->nmerged);
	CHECK(memcmp(a->merged, b->merged, sizeof(a->merged)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t		choice = take_byte(&data, &size);
	bool		small = choice % 2 == 1;
	size_t		half = size * (choice / 2) / 128;
	char	   *block = malloc(small ? SMALL_BLOCK : BIG_BLOCK);
	char	   *second = small ? NULL : malloc(BIG_BLOCK);
	HomeoMiner *other = NULL;
	HomeoMiner *miner;
	uint64_t   *scopes;
	uint32_t   *ids;
	uint32_t	max_id = 0;
	size_t		at = 0;

	CHECK(block != NULL && (small || second != NULL));
	miner = homeo_miner_init(block, small ? SMALL_BLOCK : BIG_BLOCK);
	CHECK(miner != NULL);
	scopes = calloc(homeo_miner_capacity(miner) * 4 + 2, sizeof(uint64_t));
	ids = calloc(homeo_miner_capacity(miner), sizeof(uint32_t));
	CHECK(scopes != NULL && ids != NULL);
	while (at < size && max_id < homeo_miner_capacity(miner) * 4)
	{
		const uint8_t *end = memchr(data + at, '\n', size - at);
		size_t		n = end != NULL ? (size_t) (end - data) - at : size - at;
		char	   *message = exact_copy(data + at, n);
		uint64_t	scope = scope_of(message, n);
		HomeoLogLine line;
		HomeoMinerResult result;
		HomeoMinerResult expected;
		int			i;

		if (!small && other == NULL && at >= half)
		{
			other = homeo_miner_init(second, BIG_BLOCK);
			copy_templates(miner, scopes, max_id, other);
		}
		homeo_log_line_read(message, n, &line);
		check_line(&line);
		homeo_miner_learn(miner, scope, &line, &result);
		if (result.is_new)
			scopes[result.id] = scope;
		CHECK(result.id != HOMEO_MINER_NONE);
		CHECK(homeo_miner_match(miner, scope, &line) == result.id);
		CHECK(homeo_miner_match(miner, 1, &line) == HOMEO_MINER_NONE);
		CHECK(homeo_miner_count(miner) <= homeo_miner_capacity(miner));
		CHECK(result.place == homeo_miner_place(miner, result.id));
		CHECK(result.place < homeo_miner_capacity(miner));
		if (result.is_new)
			CHECK(ids[result.place] == result.evicted);
		ids[result.place] = result.id;
		for (i = 0; i < result.nmerged; i++)
		{
			CHECK(result.merged[i] > result.id);
			CHECK(ids[result.merged_place[i]] == result.merged[i]);
			ids[result.merged_place[i]] = HOMEO_MINER_NONE;
		}
		CHECK(small || result.evicted == HOMEO_MINER_NONE);
		if (other != NULL)
		{
			homeo_miner_learn(other, scope, &line, &expected);
			check_same(&result, &expected);
		}
		if (result.id > max_id)
			max_id = result.id;
		free(message);
		at += n + 1;
	}
	free(block);
	free(second);
	free(scopes);
	free(ids);
	return 0;
}
