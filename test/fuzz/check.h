/*
 * check.h
 *		What the fuzz targets share: a check that stops the program, and a
 *		source of choices taken from the input.
 *
 * Each target is one .c file with LLVMFuzzerTestOneInput().  `make fuzz`
 * builds it with libFuzzer; the unit test of the same name runs its corpus
 * and some mutations through it.
 */
#ifndef HOMEO_CHECK_H
#define HOMEO_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* A copy in memory of exactly its size, so that reading beyond it is seen. */
static inline char *
exact_copy(const void *data, size_t size)
{
	char	   *copy = malloc(size > 0 ? size : 1);

	CHECK(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

/* The first byte of the input, which is taken off it; 0 at its end. */
static inline uint8_t
take_byte(const uint8_t **data, size_t *size)
{
	if (*size == 0)
		return 0;
	(*size)--;
	return *(*data)++;
}

/* By length of sequences only, which is what cutting can break. */
static inline bool
is_utf8(const char *p, size_t len)
{
	size_t		i = 0;

	while (i < len)
	{
		unsigned char c = (unsigned char) p[i];
		size_t		n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 :
		c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
		size_t		k;

		if (n == 0 || n > len - i)
			return false;
		for (k = 1; k < n; k++)
		{
			if ((p[i + k] & 0xc0) != 0x80)
				return false;
		}
		i += n;
	}
	return true;
}

#endif							/* HOMEO_CHECK_H */
