/*
 * siphash.h
 *		A 128-bit hash with a secret key, of bytes that arrive in pieces.
 *
 * SipHash-2-4: nobody who doesn't know the key can choose bytes that collide,
 * so what was found for one text may be taken for the same text by somebody
 * who trusts it, although strangers choose texts, too.  Where that does not
 * matter base/hash128.h is faster.
 */
#ifndef HOMEO_SIPHASH_H
#define HOMEO_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define HOMEO_SIPHASH_KEY_BYTES		16

/* The caller's, usually on its stack; nothing in it needs to be freed. */
typedef struct HomeoSiphash
{
	uint64_t	v[4];
	uint64_t	total;			/* bytes so far */
	uint8_t		tail[8];		/* the last total % 8 of them */
} HomeoSiphash;

extern void homeo_siphash_init(HomeoSiphash *hash,
							   const uint8_t key[HOMEO_SIPHASH_KEY_BYTES]);
extern void homeo_siphash_update(HomeoSiphash *hash, const void *data,
								 size_t len);

/* The result is the same on machines of either byte order. */
extern void homeo_siphash_final(HomeoSiphash *hash, uint8_t out[16]);

#endif							/* HOMEO_SIPHASH_H */
