/*
 * shmem.c
 *		Asks PostgreSQL for the shared memory of every room.
 *
 * Registered pieces are asked for when the server sums its shared memory and
 * mapped when it creates it; child processes inherit the mapping.
 */
#include "postgres.h"

#include "base/shmem.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#define MAX_PIECES	16

static const HomeoShmemPiece *pieces[MAX_PIECES];
static int	npieces = 0;
static bool mapped = false;

static shmem_request_hook_type previous_shmem_request_hook = NULL;
static shmem_startup_hook_type previous_shmem_startup_hook = NULL;

void
homeo_shmem_register(const HomeoShmemPiece *piece)
{
	if (npieces >= MAX_PIECES)
		elog(ERROR, "too many pieces of shared memory");
	pieces[npieces++] = piece;
}

static void
request(void)
{
	if (previous_shmem_request_hook)
		previous_shmem_request_hook();

	for (int i = 0; i < npieces; i++)
		RequestAddinShmemSpace(MAXALIGN(pieces[i]->size()));
}

static void
startup(void)
{
	if (previous_shmem_startup_hook)
		previous_shmem_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (int i = 0; i < npieces; i++)
	{
		Size		size = pieces[i]->size();
		bool		found;
		void	   *memory = ShmemInitStruct(pieces[i]->name, size, &found);

		pieces[i]->init(memory, size, found);
	}
	LWLockRelease(AddinShmemInitLock);
	mapped = true;
}

/* Installs the hooks; pieces may be registered before or after. */
void
homeo_shmem_init(void)
{
	previous_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request;
	previous_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup;
}

bool
homeo_shmem_ready(void)
{
	return mapped;
}

void
homeo_shmem_require(void)
{
	if (!mapped)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("homeostasis is not in shared_preload_libraries"),
				 errhint("Add it to shared_preload_libraries and restart the server.")));
}
