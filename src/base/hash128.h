/*
 * hash128.h
 *		A 128-bit hash of bytes that arrive in pieces.
 *
 * MurmurHash3 x64-128: fast and well spread, not cryptographic.  Whoever can
 * choose the bytes can choose a collision, so it may decide what is grouped
 * together and what is found again, never who may do what.
 */
#ifndef HOMEO_HASH128_H
#define HOMEO_HASH128_H

#include <stddef.h>
#include <stdint.h>

/* The caller's, usually on its stack; nothing in it needs to be freed. */
typedef struct HomeoHash128
{
	uint64_t	h1;
	uint64_t	h2;
	uint64_t	total;			/* bytes so far */
	uint8_t		tail[16];		/* the last total % 16 of them */
} HomeoHash128;

extern void homeo_hash128_init(HomeoHash128 *hash, uint32_t seed);
extern void homeo_hash128_update(HomeoHash128 *hash, const void *data,
								 size_t len);

/* All of it at once. */
extern void homeo_hash128(const void *data, size_t len, uint32_t seed,
						  uint8_t out[16]);

/* The result is the same on machines of either byte order. */
extern void homeo_hash128_final(const HomeoHash128 *hash, uint8_t out[16]);

#endif							/* HOMEO_HASH128_H */
