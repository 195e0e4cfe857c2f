/*
 * drops.c
 *		Counts what was dropped on its way in: by cause, service and level.
 *
 * Who may call what: homeo_drops_note() is for every process with shared
 * memory, inside the log hook too; so it uses atomics and memcpy only, can't
 * fail and takes no lock.
 *
 * Protocol.  An entry that is empty belongs to whoever sets its state from
 * empty to claimed; who did writes what it is about and, behind a write
 * barrier, sets it to ready.  From then on only its counters change.  Whoever
 * finds an entry claimed goes on to the next place, so two processes may make
 * two entries about the same: whoever reads adds them up.  A process that ends
 * between the two steps leaves an entry that nobody uses.
 *
 * When there is no place for another entry, what is dropped is counted with
 * the others of its cause and level.  Databases have places of their own, so
 * that a reporter who invents services takes none from them.
 *
 * sql/code/drops.sql makes errors of what is counted here, and notes by the
 * place of an entry how many it has made, in the same transaction.
 *
 * Memory: one piece of shared memory, made by the postmaster.
 */
#include "postgres.h"

#include "intake/drops.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "port/atomics.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "wire/event.h"

/* Entries, in this order; of the others one of each cause and level. */
#define OF_DATABASES	128
#define OF_SERVICES		256
#define LEVELS			(HOMEO_LEVEL_COUNT + 1) /* the last one: not known */
#define OF_OTHERS		(HOMEO_DROP_CAUSES * LEVELS)
#define ENTRIES			(OF_DATABASES + OF_SERVICES + OF_OTHERS)

/* Where an entry may be, from the one on that its hash says. */
#define PLACES			32

#define STATE_EMPTY		0
#define STATE_CLAIMED	1
#define STATE_READY		2

/* What an entry is about. */
typedef struct HomeoDropKey
{
	HomeoDropCause cause;
	int			level;			/* HomeoEventLevel; HOMEO_LEVEL_COUNT: not
								 * known */
	Oid			database;		/* of a database's */
	int			encoding;		/* of service */
	uint32		len;			/* of service */
	char		service[HOMEO_WIRE_SERVICE_LIMIT];
} HomeoDropKey;

typedef struct HomeoDropEntry
{
	pg_atomic_uint32 state;
	HomeoDropKey key;
	TimestampTz first_at;
	pg_atomic_uint64 last_at;
	pg_atomic_uint64 count;
} HomeoDropEntry;

static HomeoDropEntry *entries = NULL;

static const char *const causes[HOMEO_DROP_CAUSES] = {
	[HOMEO_DROP_RING_FULL] = "ring full",
	[HOMEO_DROP_JOURNAL_FULL] = "journal full",
	[HOMEO_DROP_JOURNAL_FAILED] = "journal failed",
	[HOMEO_DROP_TIMEOUT] = "timeout",
	[HOMEO_DROP_TOO_LARGE] = "too large",
	[HOMEO_DROP_NESTED] = "nested",
	[HOMEO_DROP_CORRUPT] = "corrupt"
};

static inline HomeoDropEntry *
others(HomeoDropCause cause, int level)
{
	return &entries[OF_DATABASES + OF_SERVICES + cause * LEVELS + level];
}

static Size
shmem_size(void)
{
	return mul_size(sizeof(HomeoDropEntry), ENTRIES);
}

static void
shmem_attach(void *memory, Size size, bool found)
{
	entries = memory;
	if (found)
		return;
	memset(entries, 0, size);
	for (int i = 0; i < ENTRIES; i++)
	{
		pg_atomic_init_u32(&entries[i].state, STATE_EMPTY);
		pg_atomic_init_u64(&entries[i].last_at, 0);
		pg_atomic_init_u64(&entries[i].count, 0);
	}
	for (int cause = 0; cause < HOMEO_DROP_CAUSES; cause++)
	{
		for (int level = 0; level < LEVELS; level++)
		{
			HomeoDropEntry *entry = others((HomeoDropCause) cause, level);

			entry->key.cause = (HomeoDropCause) cause;
			entry->key.level = level;
			pg_atomic_write_u32(&entry->state, STATE_READY);
		}
	}
}

/* Called from _PG_init. */
void
homeo_drops_init(void)
{
	static const HomeoShmemPiece piece = {
		.name = "homeostasis drops",
		.size = shmem_size,
		.init = shmem_attach
	};

	homeo_shmem_register(&piece);
}

static bool
is_about(const HomeoDropEntry *entry, const HomeoDropKey *key)
{
	return entry->key.cause == key->cause && entry->key.level == key->level &&
		entry->key.database == key->database &&
		entry->key.encoding == key->encoding && entry->key.len == key->len &&
		memcmp(entry->key.service, key->service, key->len) == 0;
}

/* FNV-1a. */
static uint32
hash_of(const HomeoDropKey *key)
{
	uint32		hash = 2166136261;

	hash = (hash ^ key->cause) * 16777619;
	hash = (hash ^ (uint32) key->level) * 16777619;
	hash = (hash ^ key->database) * 16777619;
	for (uint32 i = 0; i < key->len; i++)
		hash = (hash ^ (unsigned char) key->service[i]) * 16777619;
	return hash ^ hash >> 16;
}

/* The entry about key among n, made if there is a place; else the others'. */
static HomeoDropEntry *
find_entry(HomeoDropEntry *first, uint32 n, const HomeoDropKey *key,
		   TimestampTz now)
{
	uint32		hash = hash_of(key);

	for (uint32 i = 0; i < PLACES; i++)
	{
		HomeoDropEntry *entry = &first[(hash + i) % n];
		uint32		state = pg_atomic_read_u32(&entry->state);

		if (state == STATE_EMPTY &&
			pg_atomic_compare_exchange_u32(&entry->state, &state,
										   STATE_CLAIMED))
		{
			memcpy(&entry->key, key, sizeof(*key));
			entry->first_at = now;
			pg_write_barrier();
			pg_atomic_write_u32(&entry->state, STATE_READY);
			return entry;
		}
		pg_read_barrier();
		if (state == STATE_READY && is_about(entry, key))
			return entry;
	}
	return others(key->cause, key->level);
}

static void
count(HomeoDropEntry *entry, uint64 n, TimestampTz now)
{
	pg_atomic_write_u64(&entry->last_at, (uint64) now);
	pg_atomic_fetch_add_u64(&entry->count, n);
}

/*
 * An event was dropped.  Of one that the server raised, only its database is
 * looked at: its name, which may change, is found out by whoever reads.
 */
void
homeo_drops_note(HomeoDropCause cause, const HomeoEvent *event)
{
	const HomeoText *service = &event->text[HOMEO_FIELD_SERVICE];
	TimestampTz now = GetCurrentTimestamp();
	HomeoDropKey key;

	memset(&key, 0, sizeof(key));
	key.cause = cause;
	key.level = event->level;
	if (event->origin == HOMEO_ORIGIN_SERVER_LOG)
	{
		key.database = event->database;
		count(find_entry(entries, OF_DATABASES, &key, now), 1, now);
		return;
	}
	key.encoding = event->encoding;
	key.len = (uint32) Min(service->len, sizeof(key.service));
	memcpy(key.service, service->data ? service->data : "", key.len);
	count(find_entry(entries + OF_DATABASES, OF_SERVICES, &key, now), 1, now);
}

void
homeo_drops_note_unknown(HomeoDropCause cause, uint64 n)
{
	count(others(cause, HOMEO_LEVEL_COUNT), n, GetCurrentTimestamp());
}

/* Fills in what a row of drop_stat() says about an entry, but for numbers. */
static void
describe(int place, const HomeoDropKey *key, Datum *values, bool *nulls)
{
	bool		of_database = place < OF_DATABASES;
	bool		of_service = !of_database &&
	place < OF_DATABASES + OF_SERVICES;

	values[0] = Int32GetDatum(place);
	values[1] = CStringGetTextDatum(causes[key->cause]);
	values[2] = BoolGetDatum(of_database);
	nulls[3] = !of_database || !OidIsValid(key->database);
	values[3] = ObjectIdGetDatum(key->database);
	nulls[4] = !of_service || key->len == 0;
	if (!nulls[4])
	{
		HomeoText	service = homeo_event_valid_text(homeo_slice(key->service, key->len),
													 key->encoding);

		values[4] = PointerGetDatum(cstring_to_text_with_len(service.data,
															 (int) service.len));
	}
	values[5] = BoolGetDatum(!of_database && !of_service);
	nulls[6] = key->level == HOMEO_LEVEL_COUNT;
	if (!nulls[6])
		values[6] = CStringGetTextDatum(homeo_event_levels[key->level]);
}

/*
 * drop_stat() returns setof record: one row an entry; none if the library is
 * not preloaded
 */
PG_FUNCTION_INFO_V1(homeo_drop_stat);

Datum
homeo_drop_stat(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < ENTRIES && homeo_shmem_ready(); i++)
	{
		HomeoDropEntry *entry = &entries[i];
		uint64		n = pg_atomic_read_u64(&entry->count);
		Datum		values[11];
		bool		nulls[11] = {0};

		pg_read_barrier();
		if (n == 0)
			continue;
		describe(i, &entry->key, values, nulls);
		values[7] = Int64GetDatum((int64) homeo_ring_epoch());
		values[8] = Int64GetDatum((int64) n);
		nulls[9] = entry->first_at == 0;
		values[9] = TimestampTzGetDatum(entry->first_at);
		values[10] = TimestampTzGetDatum(pg_atomic_read_u64(&entry->last_at));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}
