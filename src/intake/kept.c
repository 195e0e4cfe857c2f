/*
 * kept.c
 *		How far the journal is stored, for when the tables that know it are
 *		dropped.
 *
 * The journal stays when the extension is dropped, so that what waits in it is
 * stored when the extension is created again.  What was stored before must not
 * be, and nobody would know: so whoever drops the table of positions has a file
 * made of them first.
 *
 * The file says what is true whether the drop is committed or not.  Nobody can
 * store anything meanwhile, as the dropper has the table for himself.  The
 * transactions that stored what it speaks of are flushed before it is written,
 * because it must not know more than the tables after a crash.  A file that
 * cannot be read counts as none.
 *
 * Memory: the caller's context.
 */
#include "postgres.h"

#include "intake/kept.h"

#include <fcntl.h>
#include <unistd.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "base/guc.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "commands/dbcommands.h"
#include "intake/positions.h"
#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#define KEPT_PATH		"homeostasis/stored"
#define KEPT_PATH_NEW	"homeostasis/stored.new"

/* Lives that are kept, the latest; a journal has those of a few. */
#define MAX_LIVES		64

/* Columns of homeostasis.journal_positions. */
#define COLUMN_EPOCH		1
#define COLUMN_POSITIONS	3

typedef struct HomeoKeptLife
{
	uint64		epoch;
	uint64		stored[HOMEO_BUCKETS];
} HomeoKeptLife;

typedef struct HomeoKept
{
	pg_crc32c	crc;			/* of all the rest */
	uint32		nlives;
	HomeoKeptLife life[MAX_LIVES];
} HomeoKept;

static object_access_hook_type next_object_access = NULL;

static pg_crc32c
checksum(const HomeoKept *kept)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, (const char *) kept + offsetof(HomeoKept, nlives),
				sizeof(*kept) - offsetof(HomeoKept, nlives));
	FIN_CRC32C(crc);
	return crc;
}

/* Without a file that can be read, no lives. */
static HomeoKept *
read_kept(void)
{
	HomeoKept  *kept = palloc0(sizeof(*kept));
	int			fd = BasicOpenFile(KEPT_PATH, O_RDONLY | PG_BINARY);

	if (fd < 0)
		return kept;
	if (read(fd, kept, sizeof(*kept)) != sizeof(*kept) ||
		kept->crc != checksum(kept) || kept->nlives > MAX_LIVES)
		memset(kept, 0, sizeof(*kept));
	close(fd);
	return kept;
}

static void
write_kept(HomeoKept *kept)
{
	int			fd;

	kept->crc = checksum(kept);
	if (MakePGDirectory("homeostasis") != 0 && errno != EEXIST)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create directory \"%s\": %m",
						"homeostasis")));
	fd = OpenTransientFile(KEPT_PATH_NEW,
						   O_WRONLY | O_CREAT | O_TRUNC | PG_BINARY);
	errno = 0;
	if (fd < 0 || write(fd, kept, sizeof(*kept)) != sizeof(*kept) ||
		pg_fsync(fd) != 0 || CloseTransientFile(fd) != 0)
	{
		if (errno == 0)
			errno = ENOSPC;
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", KEPT_PATH_NEW),
				 errhint("It keeps what is stored of the journal from being stored again; make room on the disk of the data directory.")));
	}
	(void) durable_rename(KEPT_PATH_NEW, KEPT_PATH, ERROR);
}

/* The entry of an epoch; the first one makes room for a new one. */
static HomeoKeptLife *
life_of(HomeoKept *kept, uint64 epoch)
{
	for (uint32 i = 0; i < kept->nlives; i++)
	{
		if (kept->life[i].epoch == epoch)
			return &kept->life[i];
	}
	if (kept->nlives == MAX_LIVES)
	{
		memmove(&kept->life[0], &kept->life[1],
				sizeof(kept->life[0]) * (MAX_LIVES - 1));
		kept->nlives--;
	}
	memset(&kept->life[kept->nlives], 0, sizeof(kept->life[0]));
	kept->life[kept->nlives].epoch = epoch;
	return &kept->life[kept->nlives++];
}

/* Adds what the table knows, which the caller has locked. */
static void
add_table(HomeoKept *kept, Oid relid)
{
	Relation	relation = table_open(relid, AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false,
										  snapshot, 0, NULL);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull[2];
		Datum		epoch = heap_getattr(tuple, COLUMN_EPOCH,
										 RelationGetDescr(relation),
										 &isnull[0]);
		Datum		positions = heap_getattr(tuple, COLUMN_POSITIONS,
											 RelationGetDescr(relation),
											 &isnull[1]);

		if (!isnull[0] && !isnull[1])
			homeo_positions_raise(life_of(kept, (uint64) DatumGetInt64(epoch))->stored,
								  DatumGetArrayTypeP(positions));
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(relation, AccessShareLock);
}

static bool
is_table_of_positions(Oid relid)
{
	Oid			schema = get_namespace_oid("homeostasis", true);

	return OidIsValid(schema) &&
		get_relname_relid("journal_positions", schema) == relid &&
		get_rel_relkind(relid) == RELKIND_RELATION &&
		strcmp(get_database_name(MyDatabaseId), homeo_guc_database) == 0;
}

/*
 * The end of what is in WAL.  Where the next record begins is behind the header
 * of its page, which nobody can flush as long as the page has no record.
 */
static XLogRecPtr
end_of_wal(void)
{
	XLogRecPtr	next = GetXLogInsertRecPtr();

	if (XLogSegmentOffset(next, wal_segment_size) == SizeOfXLogLongPHD)
		return next - SizeOfXLogLongPHD;
	if (next % XLOG_BLCKSZ == SizeOfXLogShortPHD)
		return next - SizeOfXLogShortPHD;
	return next;
}

static void
keep_at_drop(ObjectAccessType access, Oid class, Oid object, int sub, void *arg)
{
	if (next_object_access)
		next_object_access(access, class, object, sub, arg);
	if (access == OAT_DROP && class == RelationRelationId && sub == 0 &&
		is_table_of_positions(object))
	{
		HomeoKept  *kept = read_kept();

		add_table(kept, object);
		XLogFlush(end_of_wal());
		write_kept(kept);
		pfree(kept);
	}
}

void
homeo_kept_add(uint64 epoch, HomeoJournalPast *past)
{
	HomeoKept  *kept = read_kept();

	for (uint32 i = 0; i < kept->nlives; i++)
	{
		if (kept->life[i].epoch != epoch)
			continue;
		past->known = true;
		for (int k = 0; k < HOMEO_BUCKETS; k++)
			past->stored[k] = Max(past->stored[k], kept->life[i].stored[k]);
	}
	pfree(kept);
}

/* Called from _PG_init. */
void
homeo_kept_init(void)
{
	next_object_access = object_access_hook;
	object_access_hook = keep_at_drop;
}
