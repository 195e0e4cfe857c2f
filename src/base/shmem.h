/*
 * shmem.h
 *		One place that asks PostgreSQL for shared memory for every room.
 *
 * A room that owns a piece of shared memory registers its size and init
 * functions from its own init function, that is, while _PG_init runs.
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

/* The piece must stay where it is: a static variable. */
extern void homeo_shmem_register(const HomeoShmemPiece *piece);
extern void homeo_shmem_init(void);

/*
 * True once every registered piece is mapped in this process: the library is
 * in shared_preload_libraries and the server does not run for pg_upgrade.
 */
extern bool homeo_shmem_ready(void);

/*
 * Raises ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, with the remedy as hint,
 * unless homeo_shmem_ready().  For functions that SQL calls.
 */
extern void homeo_shmem_require(void);

#endif							/* HOMEO_SHMEM_H */
