/*
 * labelled.h
 *		Logs whose lines carry the template that they are of, and how well a
 *		miner finds these templates.
 *
 * For bench/grouping.c and test/unit/miner.c.  A log is a file of
 * comma-separated values with a header.  It has the columns "message" and
 * "template", or "Content" and "EventId", as those of LogHub are called;
 * others are ignored.  Running out of memory ends the program.
 */
#ifndef HOMEO_LABELLED_H
#define HOMEO_LABELLED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/log_line.h"
#include "text/miner.h"

typedef struct HomeoLabelledLine
{
	const char *message;		/* terminated, as label is */
	const char *label;
	int			truth;			/* the label's number */
	uint32_t	first;			/* the template when it was learned */
	uint32_t	last;			/* what that had become at the end */
} HomeoLabelledLine;

typedef struct HomeoLabelledLog
{
	char	   *bytes;
	HomeoLabelledLine *lines;
	size_t		nlines;
	size_t		ntruths;
	uint32_t	max_id;
} HomeoLabelledLog;

static inline void *
labelled_alloc(size_t count, size_t size)
{
	void	   *memory = calloc(count > 0 ? count : 1, size);

	if (memory == NULL)
	{
		fputs("out of memory\n", stderr);
		exit(2);
	}
	return memory;
}

/*
 * Takes the field at *p, without its quotes, and terminates it; moves *p
 * behind it.  *ends tells whether it was the last of its row.
 */
static inline char *
labelled_field(char **p, bool *ends)
{
	char	   *in = *p;
	char	   *field = in;
	char	   *out;
	char		stop;

	if (*in == '"')
	{
		field = out = ++in;
		while (*in != '\0' && !(in[0] == '"' && in[1] != '"'))
		{
			in += *in == '"';
			*out++ = *in++;
		}
		in += *in != '\0';
	}
	else
	{
		in += strcspn(in, ",\r\n");
		out = in;
	}
	in += *in == '\r';
	stop = *in;
	*ends = stop != ',';
	*p = in + (stop != '\0');
	*out = '\0';
	return field;
}

static inline int
labelled_by_label(const void *a, const void *b)
{
	return strcmp((*(HomeoLabelledLine *const *) a)->label,
				  (*(HomeoLabelledLine *const *) b)->label);
}

/* Gives equal labels the same number. */
static inline void
labelled_number(HomeoLabelledLog *log)
{
	HomeoLabelledLine **sorted = labelled_alloc(log->nlines, sizeof(*sorted));
	size_t		i;

	for (i = 0; i < log->nlines; i++)
		sorted[i] = &log->lines[i];
	qsort(sorted, log->nlines, sizeof(*sorted), labelled_by_label);
	for (i = 0; i < log->nlines; i++)
	{
		if (i == 0 || strcmp(sorted[i]->label, sorted[i - 1]->label) != 0)
			log->ntruths++;
		sorted[i]->truth = (int) log->ntruths - 1;
	}
	free(sorted);
}

/* Reads the rows at p, the header first; false if a column is missing. */
static inline bool
labelled_rows(HomeoLabelledLog *log, char *p)
{
	int			message = -1;
	int			label = -1;
	bool		header = true;

	while (*p != '\0')
	{
		HomeoLabelledLine *line = &log->lines[log->nlines];
		bool		ends = false;
		int			column;

		for (column = 0; !ends; column++)
		{
			char	   *field = labelled_field(&p, &ends);

			if (header && (strcmp(field, "message") == 0 ||
						   strcmp(field, "Content") == 0))
				message = column;
			else if (header && (strcmp(field, "template") == 0 ||
								strcmp(field, "EventId") == 0))
				label = column;
			else if (!header && column == message)
				line->message = field;
			else if (!header && column == label)
				line->label = field;
		}
		if (header && (message < 0 || label < 0))
			return false;
		if (!header && line->message != NULL && line->label != NULL)
			log->nlines++;
		header = false;
	}
	labelled_number(log);
	return true;
}

/* Reads a log; false if the file can't be read or isn't one. */
static inline bool
labelled_read(const char *path, HomeoLabelledLog *log)
{
	FILE	   *file = fopen(path, "rb");
	long		size = -1;
	size_t		rows = 1;
	size_t		n;
	size_t		i;

	memset(log, 0, sizeof(*log));
	if (file == NULL)
		return false;
	if (fseek(file, 0, SEEK_END) == 0)
		size = ftell(file);
	rewind(file);
	log->bytes = labelled_alloc((size_t) (size + 1), 1);
	n = fread(log->bytes, 1, (size_t) (size < 0 ? 0 : size), file);
	fclose(file);
	for (i = 0; i < n; i++)
		rows += log->bytes[i] == '\n';
	log->lines = labelled_alloc(rows + 1, sizeof(HomeoLabelledLine));
	return labelled_rows(log, log->bytes);
}

static inline void
labelled_free(HomeoLabelledLog *log)
{
	free(log->bytes);
	free(log->lines);
}

/* Learns the lines in their order. */
static inline void
labelled_learn(HomeoLabelledLog *log, HomeoMiner *miner)
{
	uint32_t   *became = labelled_alloc(log->nlines + 1, sizeof(uint32_t));
	size_t		i;
	int			k;

	for (i = 0; i < log->nlines; i++)
	{
		HomeoLabelledLine *at = &log->lines[i];
		HomeoLogLine line;
		HomeoMinerResult result;

		homeo_log_line_read(at->message, strlen(at->message), &line);
		homeo_miner_learn(miner, 0, &line, &result);
		at->first = result.id;
		if (result.id > log->max_id)
			log->max_id = result.id;
		for (k = 0; k < result.nmerged; k++)
			became[result.merged[k]] = result.id;
	}
	for (i = 0; i < log->nlines; i++)
	{
		uint32_t	id = log->lines[i].first;

		while (became[id] != HOMEO_MINER_NONE)
			id = became[id];
		log->lines[i].last = id;
	}
	free(became);
}

/*
 * The part of the lines that are grouped rightly, as LogHub's benchmark counts
 * them: those whose group holds all the lines of one label and no other.  By
 * their first template, or by their last.  wrong(line), if it isn't NULL, is
 * called for the others.
 */
static inline double
labelled_accuracy(const HomeoLabelledLog *log, bool first,
				  void (*wrong) (const HomeoLabelledLine *line, uint32_t id))
{
	size_t	   *size = labelled_alloc(log->max_id + 1, sizeof(size_t));
	int		   *truth = labelled_alloc(log->max_id + 1, sizeof(int));
	size_t	   *total = labelled_alloc(log->ntruths, sizeof(size_t));
	size_t		right = 0;
	size_t		i;

	for (i = 0; i < log->nlines; i++)
	{
		const HomeoLabelledLine *line = &log->lines[i];
		uint32_t	id = first ? line->first : line->last;

		total[line->truth]++;
		if (size[id]++ == 0)
			truth[id] = line->truth;
		else if (truth[id] != line->truth)
			truth[id] = -1;
	}
	for (i = 0; i < log->nlines; i++)
	{
		const HomeoLabelledLine *line = &log->lines[i];
		uint32_t	id = first ? line->first : line->last;

		if (truth[id] == line->truth && size[id] == total[line->truth])
			right++;
		else if (wrong != NULL)
			wrong(line, id);
	}
	free(size);
	free(truth);
	free(total);
	return log->nlines == 0 ? 0 : (double) right / (double) log->nlines;
}

#endif							/* HOMEO_LABELLED_H */
