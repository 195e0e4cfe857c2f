/*
 * hash.h
 *		FNV-1a, 64 bits: tells pieces of files apart.
 */
#ifndef HOMEO_AGENT_HASH_H
#define HOMEO_AGENT_HASH_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t
agent_hash(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t	hash = UINT64_C(0xcbf29ce484222325);

	while (len-- > 0)
		hash = (hash ^ *p++) * UINT64_C(0x100000001b3);
	return hash;
}

#endif							/* HOMEO_AGENT_HASH_H */
