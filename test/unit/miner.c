/*
 * miner.c
 *		Tests of which lines of a log are found to be of one template.
 */
#include "text/miner.h"

#include <stdlib.h>

#include "tap.h"

#include "../../bench/lib/labelled.h"

#define BLOCK_SIZE		(1024 * 1024)

#define SCOPE			17

/*
 * What is reached with the logs of test/data/logs, less a little: the mean part
 * of lines that are grouped rightly.
 */
#define MIN_ACCURACY	0.98

static char *block;

static HomeoMiner *
begin(void)
{
	return homeo_miner_init(block, BLOCK_SIZE);
}

static HomeoMinerResult
learn(HomeoMiner *miner, const char *message)
{
	HomeoLogLine line;
	HomeoMinerResult result;

	homeo_log_line_read(message, strlen(message), &line);
	homeo_miner_learn(miner, SCOPE, &line, &result);
	return result;
}

static uint32_t
match(const HomeoMiner *miner, const char *message)
{
	HomeoLogLine line;

	homeo_log_line_read(message, strlen(message), &line);
	return homeo_miner_match(miner, SCOPE, &line);
}

static void
check_text(const HomeoMiner *miner, uint32_t id, const char *expected,
		   const char *name)
{
	char		str[HOMEO_LOG_LINE_BYTES];
	size_t		len = 0;

	(void) homeo_miner_text(miner, id, str, &len);
	tap_same(str, len, expected, name);
}

static void
test_values(void)
{
	HomeoMiner *miner = begin();
	HomeoMinerResult r = learn(miner, "took 5 ms for job 17");
	uint32_t	id = r.id;

	tap_ok(r.is_new && !r.is_wider && r.nmerged == 0, "a first line is new");
	r = learn(miner, "took 1.5 s for job 23");
	tap_ok(r.id == id && !r.is_new && !r.is_wider, "other values change nothing");
	tap_ok(match(miner, "took 1 s for job all") == HOMEO_MINER_NONE,
		   "a word instead of a value does not match");
	r = learn(miner, "took 1 s for job all");
	tap_ok(r.id == id && r.is_wider && r.nmerged == 0,
		   "but it is learned as one");
	check_text(miner, id, "took <duration> for job <*>", "anything stands there");
	tap_ok(match(miner, "took 7 s for job none") == id, "and matches then");
	tap_ok(match(miner, "took 7 s for work none") == HOMEO_MINER_NONE,
		   "other words don't");

	id = learn(miner, "7 lines of that file").id;
	tap_ok(learn(miner, "no lines of that file").id != id,
		   "a word at the beginning is not a value");
	id = learn(miner, "5 up").id;
	tap_ok(learn(miner, "x 7").id != id, "values alone have nothing in common");
}

static void
test_words(void)
{
	static const char *const names[] = {
		"anna", "bert", "clara", "dmitri", "emil", "fatima", "gustav", "hanna"
	};
	HomeoMiner *miner = begin();
	HomeoMinerResult r;
	char		message[100];
	uint32_t	first = 0;
	uint32_t	closed;
	int			i;

	learn(miner, "session opened for user root");
	closed = learn(miner, "session closed for user root").id;
	tap_ok(homeo_miner_count(miner) == 2, "another word is another template");

	for (i = 0; i < 4; i++)
	{
		snprintf(message, sizeof(message), "login of user %s from 10.0.0.%d",
				 names[i], i);
		r = learn(miner, message);
		if (i == 0)
			first = r.id;
		if (i < 3)
			tap_ok(r.is_new, "the word no. %d makes a template", i + 1);
	}
	tap_ok(r.id == first && !r.is_new && r.is_wider && r.nmerged == 2,
		   "the fourth makes one of them");
	tap_ok(r.merged[0] + r.merged[1] == 2 * first + 3,
		   "and tells which they were");
	check_text(miner, first, "login of user <*> from <ip>", "the oldest stays");
	r = learn(miner, "login of user bert from ::1");
	tap_ok(r.id == first && !r.is_wider, "the others are gone");
	tap_ok(match(miner, "login of user karl from ::1") == first,
		   "a fifth word matches");
	tap_ok(match(miner, "session closed for user root") == closed,
		   "others stay what they were");

	/* with less in common more is needed */
	for (i = 0; i < 8; i++)
	{
		snprintf(message, sizeof(message), "(%s) saved", names[i]);
		r = learn(miner, message);
		tap_ok(r.is_new == (i < 7), "word no. %d at the beginning", i + 1);
	}
	tap_ok(r.nmerged == 6 && r.is_wider, "eight at the beginning are one");

	/* two places at once, none of which varies without the other */
	for (i = 0; i < 4; i++)
	{
		snprintf(message, sizeof(message),
				 "file of %s was moved away to the folder of %s by cron",
				 names[i], names[7 - i]);
		r = learn(miner, message);
	}
	tap_ok(r.nmerged == 2, "two places vary together");

	/* one that had too little in common is included in what comes of others */
	first = learn(miner, "job anna ended with error").id;
	learn(miner, "job bert ended with 5");
	learn(miner, "job clara ended with x.y");
	learn(miner, "job dmitri ended with 6");
	r = learn(miner, "job emil ended with 7");
	tap_ok(r.id == first && r.nmerged == 3, "the oldest of all goes on");
	check_text(miner, first, "job <*> ended with <*>", "with what they share");

	for (i = 0; i < 8; i++)
	{
		snprintf(message, sizeof(message), "state %s=1 of this thing is good",
				 names[i]);
		r = learn(miner, message);
	}
	tap_ok(r.is_new, "names of values never vary");
}

/* Matching is for many at once: it changes no byte. */
static void
test_match_reads(void)
{
	HomeoMiner *miner = begin();
	char	   *copy = malloc(BLOCK_SIZE);

	learn(miner, "one 1");
	learn(miner, "two 2");
	memcpy(copy, block, BLOCK_SIZE);
	(void) match(miner, "one 2");
	(void) match(miner, "three 3");
	tap_ok(memcmp(copy, block, BLOCK_SIZE) == 0, "matching only reads");

	/* Nothing in the block is an address. */
	memset(block, 0xff, BLOCK_SIZE);
	tap_ok(match((HomeoMiner *) copy, "one 17") == 1 &&
		   learn((HomeoMiner *) copy, "three 3").id == 3,
		   "a block may be anywhere");
	free(copy);
}

static void
test_room(void)
{
	HomeoMiner *miner = homeo_miner_init(block, 8 * 1024);
	uint32_t	room = homeo_miner_capacity(miner);
	HomeoMinerResult r = {0};
	char		message[100];
	uint32_t	i;

	tap_ok(room >= 4 && room <= 8, "a small block has room for a few");
	tap_ok(homeo_miner_init(block, 600) == NULL &&
		   homeo_miner_init(block, 0) == NULL, "a smaller one for none");
	miner = homeo_miner_init(block, 8 * 1024);
	for (i = 0; i < room; i++)
	{
		/* Each has another number of tokens, and nothing in common. */
		memset(message, 0, sizeof(message));
		memset(message, 'a', 2 * i + 1);
		for (r.id = 1; r.id < 2 * i + 1; r.id += 2)
			message[r.id] = ' ';
		r = learn(miner, message);
		tap_ok(r.is_new && r.evicted == HOMEO_MINER_NONE, "there is room");
	}
	homeo_miner_use(miner, 1);
	r = learn(miner, "something else");
	tap_ok(r.is_new && r.evicted == 2, "what was used least makes room");
	tap_ok(homeo_miner_count(miner) == room, "it is full");
	tap_ok(match(miner, "a") == 1 && match(miner, "a a") == HOMEO_MINER_NONE,
		   "what was used is still there");
	(void) learn(miner, "a a a");
	r = learn(miner, "one more thing to be learned");
	tap_ok(r.evicted == (room > 3 ? 4 : 1), "learning is use, too");
	homeo_miner_forget(miner, 1);
	homeo_miner_forget(miner, 4711);
	homeo_miner_use(miner, 4711);
	tap_ok(homeo_miner_count(miner) == room - 1 &&
		   match(miner, "a") == HOMEO_MINER_NONE, "one is forgotten");
	r = learn(miner, "yet another one comes in here now");
	tap_ok(r.evicted == HOMEO_MINER_NONE, "and has made room");

	miner = begin();
	tap_ok(!homeo_miner_load(miner, SCOPE, HOMEO_MINER_NONE, "a", 1),
		   "a template has an id");
	homeo_miner_reserve(miner, 17);
	homeo_miner_reserve(miner, 5);
	tap_ok(learn(miner, "a").id == 18, "an id is not given twice");
	tap_ok(homeo_miner_load(miner, SCOPE, UINT32_MAX, "b", 1), "the last id");
	r = learn(miner, "c");
	tap_ok(r.id == HOMEO_MINER_NONE && !r.is_new && homeo_miner_count(miner) == 2,
		   "no id is left");
}

/* Of two that have as much in common with a line, the older one is its. */
static void
test_order(void)
{
	static const char *const texts[] = {
		"one <*> three four", "one two <*> four"
	};
	HomeoMiner *miner;
	int			i;

	for (i = 0; i < 2; i++)
	{
		miner = begin();
		homeo_miner_load(miner, SCOPE, 5, texts[i], strlen(texts[i]));
		homeo_miner_load(miner, SCOPE, 6, texts[1 - i], strlen(texts[1 - i]));
		tap_ok(match(miner, "one two three four") == 5,
			   "the older template, %s", texts[i]);
	}
	homeo_miner_load(miner, SCOPE, 5, "five six", 8);
	tap_ok(homeo_miner_count(miner) == 2 && match(miner, "five six") == 5 &&
		   match(miner, "one two 3 four") == HOMEO_MINER_NONE,
		   "a template gets another text");
	miner = begin();
	homeo_miner_load(miner, SCOPE, 1, "one <*> three four", 18);
	homeo_miner_load(miner, SCOPE, 2, "one two three four", 18);
	tap_ok(match(miner, "one two three four") == 2 &&
		   match(miner, "one 2 three four") == 1,
		   "the one with more in common, though it is newer");
}

/* Whose lines they are: the same line in each of them, and in none other. */
static void
test_scopes(void)
{
	static const char *const users[] = {"anna", "bert", "clara"};
	enum
	{
		SCOPES = 100
	};
	HomeoMiner *miner = begin();
	HomeoMinerResult r;
	HomeoLogLine line;
	int			others = 0;
	int			i;

	homeo_log_line_read("login of user emil", 18, &line);
	for (i = 0; i < SCOPES; i++)
	{
		homeo_miner_learn(miner, (uint64_t) i << 32, &line, &r);
		others += r.is_new && r.id == (uint32_t) i + 1 &&
			homeo_miner_match(miner, (uint64_t) i << 32, &line) == r.id;
	}
	tap_ok(others == SCOPES, "each scope has its own template");
	tap_ok(homeo_miner_match(miner, (uint64_t) SCOPES << 32, &line) ==
		   HOMEO_MINER_NONE, "and another one none");
	for (i = 0; i < 3; i++)
	{
		char		message[64];

		snprintf(message, sizeof(message), "login of user %s", users[i]);
		homeo_log_line_read(message, strlen(message), &line);
		homeo_miner_learn(miner, 0, &line, &r);
	}
	tap_ok(r.id == 1 && r.nmerged == 2, "evidence is that of the scope");
	check_text(miner, 1, "login of user <*>", "which has a template of values");
	check_text(miner, 2, "login of user emil", "as no other has");
	homeo_miner_forget(miner, 2);
	homeo_log_line_read("login of user emil", 18, &line);
	tap_ok(homeo_miner_match(miner, (uint64_t) 1 << 32, &line) ==
		   HOMEO_MINER_NONE &&
		   homeo_miner_match(miner, (uint64_t) 2 << 32, &line) == 3 &&
		   homeo_miner_match(miner, 0, &line) == 1,
		   "what is forgotten is forgotten in its scope");
}

/* A block of the size that was said has the room that was asked for. */
static void
test_size(void)
{
	uint32_t	capacity;
	bool		right = true;

	for (capacity = 1; capacity < 100; capacity++)
	{
		size_t		size = homeo_miner_size(capacity);
		HomeoMiner *miner = homeo_miner_init(block, size);

		right = right && miner != NULL &&
			homeo_miner_capacity(miner) == capacity;
	}
	tap_ok(right, "a size for each capacity");
	tap_ok(homeo_miner_init(block, homeo_miner_size(1) - 1) == NULL,
		   "less than that for one is none");
}

/* Learns lines from one to before another. */
static void
learn_some(HomeoMiner *miner, const HomeoLabelledLog *log, size_t from, size_t to,
		   HomeoMinerResult *results)
{
	for (; from < to; from++)
		results[from] = learn(miner, log->lines[from].message);
}

/* Templates may be in other places. */
static bool
same_result(const HomeoMinerResult *a, const HomeoMinerResult *b)
{
	return a->id == b->id && a->is_new == b->is_new &&
		a->is_wider == b->is_wider && a->evicted == b->evicted &&
		a->nmerged == b->nmerged &&
		memcmp(a->merged, b->merged, sizeof(a->merged)) == 0;
}

/*
 * A miner that was loaded half-way with the templates of another one says the
 * same as that from then on, in whatever order they came.
 */
static void
test_reload(const char *path)
{
	char	   *second = malloc(BLOCK_SIZE);
	HomeoMiner *miner = begin();
	HomeoMiner *loaded = homeo_miner_init(second, BLOCK_SIZE);
	HomeoLabelledLog log;
	HomeoMinerResult *expected;
	HomeoMinerResult *results;
	uint32_t	id;
	uint32_t	max_id = 0;
	size_t		half;
	size_t		i;

	if (!labelled_read(path, &log))
	{
		tap_ok(false, "%s can be read", path);
		return;
	}
	half = log.nlines / 2;
	expected = calloc(log.nlines, sizeof(HomeoMinerResult));
	results = calloc(log.nlines, sizeof(HomeoMinerResult));
	learn_some(miner, &log, 0, half, expected);
	for (i = 0; i < half; i++)
		max_id = expected[i].id > max_id ? expected[i].id : max_id;
	for (id = max_id; id > 0; id--)
	{
		char		str[HOMEO_LOG_LINE_BYTES];
		size_t		len;

		if (homeo_miner_text(miner, id, str, &len))
			homeo_miner_load(loaded, SCOPE, id, str, len);
	}
	homeo_miner_reserve(loaded, max_id);
	learn_some(miner, &log, half, log.nlines, expected);
	learn_some(loaded, &log, half, log.nlines, results);
	for (i = half; i < log.nlines && same_result(&expected[i], &results[i]); i++)
		;
	tap_ok(i == log.nlines, "%s: loaded as if learned", path);
	free(second);
	free(expected);
	free(results);
	labelled_free(&log);
}

static void
test_logs(void)
{
	static const char *const programs[] = {
		"cron", "dockerd", "java", "kafka", "kubelet", "nginx", "postfix",
		"postgres", "python", "redis", "sshd", "systemd"
	};
	int			count = (int) (sizeof(programs) / sizeof(programs[0]));
	double		sum = 0;
	int			i;

	for (i = 0; i < count; i++)
	{
		char		path[200];
		HomeoLabelledLog log;
		double		accuracy;

		snprintf(path, sizeof(path), "test/data/logs/%s.csv", programs[i]);
		if (tap_ok(labelled_read(path, &log) && log.nlines >= 200,
				   "%s has lines", path))
		{
			labelled_learn(&log, begin());
			accuracy = labelled_accuracy(&log, false, NULL);
			printf("# %s: %.4f\n", programs[i], accuracy);
			sum += accuracy;
		}
		labelled_free(&log);
		test_reload(path);
	}
	tap_ok(sum / count >= MIN_ACCURACY, "mean accuracy is %.4f", sum / count);
}

int
main(void)
{
	block = malloc(BLOCK_SIZE);
	test_values();
	test_words();
	test_match_reads();
	test_room();
	test_order();
	test_scopes();
	test_size();
	test_logs();
	free(block);
	return tap_done();
}
