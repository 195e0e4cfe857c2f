/*
 * shmem.h
 *		One place that asks PostgreSQL for shared memory for every room.
 *
 * A room that owns a piece of shared memory exports a size function and an
 * init function and is listed in shmem.c's table through
 * homeo_shmem_register(), called from _PG_init only.
 */
#ifndef HOMEO_SHMEM_H
#define HOMEO_SHMEM_H

/*
 * size: bytes wanted, computed from settings that need a restart.
 * init: gets the memory; found is false the first time after a (re)start and
 * then it must be initialised.  Runs with AddinShmemInitLock held.
 */
typedef struct HomeoShmemPiece
{
	const char *name;
	Size		(*size) (void);
	void		(*init) (void *memory, Size size, bool found);
} HomeoShmemPiece;

extern void homeo_shmem_register(const HomeoShmemPiece *piece);
extern void homeo_shmem_init(void);

/* True once every registered piece is mapped in this process. */
extern bool homeo_shmem_ready(void);

#endif							/* HOMEO_SHMEM_H */
