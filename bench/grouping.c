/*
 * grouping.c
 *		How well and how fast lines of logs are grouped.
 *
 * usage: grouping [-v] FILE_OR_FOLDER...
 *
 * Each file is a log whose lines carry the template that they are of (see
 * lib/labelled.h); of a folder, those whose names end in .csv.  A miner begins
 * anew with each and learns the lines in their order.  Prints for each file
 *
 *	lines	how many there are
 *	exact	the part of the lines that are in a group which holds all the
 *			lines of one template and no other, after all were learned
 *	first	the same by the template that a line got when it was learned,
 *			as if templates that became one later had not
 *	groups	how many groups there are, and how many templates
 *	learn, match	microseconds of the processor a line, from its text
 *
 * and the means.  -v shows the lines that are wrong, and the templates.  Exits
 * with 1 when a file could not be read.
 */
#include <dirent.h>
#include <limits.h>
#include <time.h>

#include "lib/labelled.h"

#define BLOCK_SIZE		(8 * 1024 * 1024)
#define ROUNDS			5

typedef struct HomeoScore
{
	double		exact;
	double		first;
	double		learn;
	double		match;
} HomeoScore;

static bool verbose;
static void *block;
static HomeoScore sum;
static int	files;
static int	failed;

static double
microseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

static void
show_wrong(const HomeoLabelledLine *line, uint32_t id)
{
	printf("wrong: %u is of %s: %s\n", (unsigned) id, line->label,
		   line->message);
}

static void
show_templates(const HomeoMiner *miner, uint32_t max_id)
{
	char		str[HOMEO_LOG_LINE_BYTES];
	size_t		len;
	uint32_t	id;

	for (id = 1; id <= max_id; id++)
	{
		if (homeo_miner_text(miner, id, str, &len))
			printf("template: %u %.*s\n", (unsigned) id, (int) len, str);
	}
}

/* The best of some rounds, since other processes take away cache, too. */
static void
measure(HomeoLabelledLog *log, HomeoScore *score)
{
	HomeoMiner *miner = NULL;
	int			round;
	size_t		i;

	score->learn = score->match = 1e9;
	for (round = 0; round < ROUNDS; round++)
	{
		double		start = microseconds();
		double		learned;
		double		matched;

		miner = homeo_miner_init(block, BLOCK_SIZE);
		labelled_learn(log, miner);
		learned = microseconds();
		for (i = 0; i < log->nlines; i++)
		{
			const char *message = log->lines[i].message;
			HomeoLogLine line;

			homeo_log_line_read(message, strlen(message), &line);
			if (homeo_miner_match(miner, 0, &line) == HOMEO_MINER_NONE)
				failed = 1;		/* it was learned */
		}
		matched = microseconds();
		if (learned - start < score->learn)
			score->learn = learned - start;
		if (matched - learned < score->match)
			score->match = matched - learned;
	}
	score->learn /= (double) log->nlines;
	score->match /= (double) log->nlines;
	score->exact = labelled_accuracy(log, false, verbose ? show_wrong : NULL);
	score->first = labelled_accuracy(log, true, NULL);
	if (verbose)
		show_templates(miner, log->max_id);
}

static size_t
count_groups(const HomeoLabelledLog *log)
{
	bool	   *seen = labelled_alloc(log->max_id + 1, sizeof(bool));
	size_t		groups = 0;
	size_t		i;

	for (i = 0; i < log->nlines; i++)
	{
		groups += !seen[log->lines[i].last];
		seen[log->lines[i].last] = true;
	}
	free(seen);
	return groups;
}

static void
run(const char *path)
{
	const char *slash = strrchr(path, '/');
	HomeoLabelledLog log;
	HomeoScore	score;

	if (!labelled_read(path, &log) || log.nlines == 0)
	{
		fprintf(stderr, "%s: not a labelled log\n", path);
		failed = 1;
	}
	else
	{
		measure(&log, &score);
		printf("%-34s %6d  %6.4f %6.4f  %4d/%-4d %6.2f %6.2f\n",
			   slash != NULL ? slash + 1 : path, (int) log.nlines,
			   score.exact, score.first, (int) count_groups(&log),
			   (int) log.ntruths, score.learn, score.match);
		sum.exact += score.exact;
		sum.first += score.first;
		sum.learn += score.learn;
		sum.match += score.match;
		files++;
	}
	labelled_free(&log);
}

static int
is_log(const struct dirent *entry)
{
	size_t		n = strlen(entry->d_name);

	return n > 4 && strcmp(entry->d_name + n - 4, ".csv") == 0;
}

int
main(int argc, char **argv)
{
	int			arg;

	block = labelled_alloc(BLOCK_SIZE, 1);
	printf("%-34s %6s  %6s %6s  %9s %6s %6s\n", "log", "lines", "exact",
		   "first", "groups", "learn", "match");
	for (arg = 1; arg < argc; arg++)
	{
		struct dirent **entries;
		int			n;
		int			i;

		if (strcmp(argv[arg], "-v") == 0)
		{
			verbose = true;
			continue;
		}
		n = scandir(argv[arg], &entries, is_log, alphasort);
		for (i = 0; i < n; i++)
		{
			char		path[PATH_MAX];

			snprintf(path, sizeof(path), "%s/%s", argv[arg],
					 entries[i]->d_name);
			run(path);
			free(entries[i]);
		}
		if (n >= 0)
			free(entries);
		else
			run(argv[arg]);
	}
	if (files > 0)
		printf("%-34s %6s  %6.4f %6.4f  %9s %6.2f %6.2f\n", "mean", "",
			   sum.exact / files, sum.first / files, "", sum.learn / files,
			   sum.match / files);
	free(block);
	return failed || files == 0;
}
