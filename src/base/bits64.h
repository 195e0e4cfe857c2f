/*
 * bits64.h
 *		Words of 64 bits in bytes, and their rotation, for hash functions.
 *
 * Bytes are in little-endian order on every machine.  Needs nothing from the
 * server.
 */
#ifndef HOMEO_BITS64_H
#define HOMEO_BITS64_H

#include <stdint.h>

static inline uint64_t
homeo_bits64_rotate(uint64_t x, int bits)
{
	return (x << bits) | (x >> (64 - bits));
}

/* Written out, so that the compiler sees that it is one load. */
static inline uint64_t
homeo_bits64_load(const uint8_t *p)
{
	return (uint64_t) p[0] | (uint64_t) p[1] << 8 |
		(uint64_t) p[2] << 16 | (uint64_t) p[3] << 24 |
		(uint64_t) p[4] << 32 | (uint64_t) p[5] << 40 |
		(uint64_t) p[6] << 48 | (uint64_t) p[7] << 56;
}

static inline void
homeo_bits64_store(uint8_t *p, uint64_t x)
{
	int			i;

	for (i = 0; i < 8; i++)
	{
		p[i] = (uint8_t) x;
		x >>= 8;
	}
}

#endif							/* HOMEO_BITS64_H */
