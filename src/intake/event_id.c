/*
 * event_id.c
 *		Ids for events whose reporter gave none.
 *
 * They are in the order of time, so that the primary key of errors grows at
 * its end: with ids in any order each goes to a page of its own.
 *
 * Called in any process, also in the log hook: no allocation, no errors.
 */
#include "postgres.h"

#include "intake/event_id.h"

#include "base/shmem.h"
#include "common/pg_prng.h"
#include "intake/ring.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/timestamp.h"

/* Between 1970, where the time in an id begins, and 2000. */
#define UNIX_EPOCH_US \
	((uint64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

/*
 * The seed of a process mixes what no other process of any cluster shares
 * with it: the ring's random epoch, its pid and the time.  A server whose
 * processes have no ring has no log hook either.
 */
static uint64
draw(TimestampTz now)
{
	static pg_prng_state state;
	static int	seeded_for = 0;

	/* A process inherits the state of the one that forked it. */
	if (seeded_for != MyProcPid)
	{
		if (homeo_shmem_ready())
			state.s0 = homeo_ring_epoch();
		else
			(void) pg_strong_random(&state.s0, sizeof(state.s0));
		state.s1 = ((uint64) now << 20) ^ (uint64) MyProcPid;
		for (int i = 0; i < 8; i++)
			(void) pg_prng_uint64(&state);
		seeded_for = MyProcPid;
	}
	return pg_prng_uint64(&state);
}

/*
 * A version 7 uuid (RFC 9562): milliseconds since 1970, the rest of the time in
 * 1/4096 of them, and 62 random bits.
 */
void
homeo_event_id_make(pg_uuid_t *id, TimestampTz received)
{
	uint64		us = (uint64) received + UNIX_EPOCH_US;
	uint64		rest = us % 1000 * 4096 / 1000;
	uint64		half[2];

	half[0] = pg_hton64(us / 1000 << 16 | UINT64CONST(0x7000) | rest);
	half[1] = pg_hton64((draw(received) >> 2) | UINT64CONST(1) << 63);
	memcpy(id->data, half, UUID_LEN);
}
