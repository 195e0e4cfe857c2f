/*
 * mutate.h
 *		Runs a fuzz target over its corpus and over mutations of that.
 *
 * A short stand-in for `make fuzz`, with the same inputs on each run.  A
 * target that finds something stops the program; the line before tells which
 * input it was.
 */
#ifndef HOMEO_MUTATE_H
#define HOMEO_MUTATE_H

#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include "tap.h"

#define MUTATE_RUNS			5000
#define MUTATE_MAX_FILES	200
#define MUTATE_MAX_SIZE		4096

typedef struct MutateInput
{
	uint8_t		bytes[MUTATE_MAX_SIZE];
	size_t		size;
}			MutateInput;

typedef int (*MutateTarget) (const uint8_t *data, size_t size);

static MutateInput mutate_corpus[MUTATE_MAX_FILES];
static size_t mutate_files;
static uint64_t mutate_state = 88172645463325252u;

/* Marsaglia's xorshift: a number below limit, which is not 0. */
static inline size_t
mutate_random(size_t limit)
{
	mutate_state ^= mutate_state << 13;
	mutate_state ^= mutate_state >> 7;
	mutate_state ^= mutate_state << 17;
	return (size_t) (mutate_state % limit);
}

static inline int
mutate_is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static inline void
mutate_read(const char *directory)
{
	struct dirent **entries;
	int			n = scandir(directory, &entries, mutate_is_file, alphasort);
	int			i;

	for (i = 0; i < n && mutate_files < MUTATE_MAX_FILES; i++)
	{
		char		path[PATH_MAX];
		FILE	   *file;

		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		file = fopen(path, "rb");
		if (file != NULL)
		{
			MutateInput *input = &mutate_corpus[mutate_files++];

			input->size = fread(input->bytes, 1, sizeof(input->bytes), file);
			fclose(file);
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

/* Takes out del bytes at a place and puts in n others. */
static inline void
mutate_splice(MutateInput * input, size_t place, size_t del,
			  const uint8_t *bytes, size_t n)
{
	size_t		after = input->size - place - del;

	if (place + n + after > MUTATE_MAX_SIZE)
		return;
	memmove(input->bytes + place + n, input->bytes + place + del, after);
	memmove(input->bytes + place, bytes, n);
	input->size = place + n + after;
}

static inline void
mutate_once(MutateInput * input)
{
	static const char favourites[] = "'\"`\\$:=@/(){}[]<>.,;-_ \n\t0aA%&\xff\xc3";
	const		MutateInput *other = &mutate_corpus[mutate_random(mutate_files)];
	size_t		place = mutate_random(input->size + 1);
	size_t		left = input->size - place;
	size_t		from = mutate_random(other->size + 1);
	uint8_t		byte = (uint8_t) favourites[mutate_random(sizeof(favourites))];

	switch (mutate_random(5))
	{
		case 0:					/* another byte */
			mutate_splice(input, place, left > 0 ? 1 : 0, &byte, 1);
			break;
		case 1:					/* one more */
			mutate_splice(input, place, 0, &byte, 1);
			break;
		case 2:					/* some fewer */
			mutate_splice(input, place, mutate_random(left + 1), &byte, 0);
			break;
		case 3:					/* a piece of another */
			mutate_splice(input, place, 0, other->bytes + from,
						  mutate_random(other->size - from + 1));
			break;
		default:				/* any bit */
			if (left > 0)
				input->bytes[place] ^= (uint8_t) (1 << mutate_random(8));
	}
}

static inline int
mutate_run(const char *name, MutateTarget target)
{
	static MutateInput input;
	char		directory[200];
	size_t		i;

	setvbuf(stdout, NULL, _IONBF, 0);
	snprintf(directory, sizeof(directory), "test/fuzz/corpus/%s", name);
	mutate_read(directory);
	if (!tap_ok(mutate_files > 0, "%s has files", directory))
		return tap_done();
	for (i = 0; i < mutate_files; i++)
	{
		(void) target(mutate_corpus[i].bytes, mutate_corpus[i].size);
		tap_ok(true, "file %d", (int) i);
	}
	for (i = 0; i < MUTATE_RUNS; i++)
	{
		size_t		changes = 1 + mutate_random(8);

		if (i % 500 == 0)
			tap_ok(true, "mutations from %d", (int) i);
		input = mutate_corpus[mutate_random(mutate_files)];
		while (changes-- > 0)
			mutate_once(&input);
		(void) target(input.bytes, input.size);
	}
	return tap_done();
}

#endif							/* HOMEO_MUTATE_H */
