/*
 * log_template.c
 *		Which lines of logs are of one problem: templates that all processes
 *		share.
 *
 * The miner (text/miner.h) finds which lines the same statement of a program
 * has written; here it has its block in shared memory, and beside it an array
 * of what else is known of each template, by its place.  A template is of one
 * service and language, so nobody's lines change how others' are grouped.  Its
 * fingerprint is that of the text that its first line had.
 *
 * Called by prepare.c for lines and by log_template_save.c, which knows the
 * table; not by the log hook.
 *
 * Locks: one lock guards all of it: shared to find the template of a line,
 * which is most of the time, exclusive to learn one.  Nothing raises an error
 * or allocates while it is held.
 *
 * What changes is put into a list of what is to be saved, and is valid at once:
 * a line may be stored before its template is.  A crash between the two costs
 * the template, which the next such line makes again, or makes wider again.
 * What is gone is put into a table of its own, of fixed size; while that is
 * full, nothing is learned.
 */
#include "postgres.h"

#include "intake/log_template.h"

#include "base/guc.h"
#include "base/shmem.h"
#include "common/hashfn.h"
#include "port/atomics.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "text/miner.h"
#include "utils/timestamp.h"

/* Templates that are gone and whose rows are not, at most. */
#define MAX_GONE		1024

/* A template's last use is known, and saved, so much later. */
#define USE_KNOWN_AFTER	USECS_PER_MINUTE
#define USE_SAVED_AFTER	USECS_PER_HOUR

#define NOWHERE			HOMEO_MINER_NOWHERE

typedef struct HomeoKeptTemplate
{
	HomeoLogTemplate of;		/* id 0: there is none in this place */
	TimestampTz saved_used;		/* as the table has it */
	bool		unsaved;		/* it is in the list of these, by place */
	uint32		next_unsaved;
} HomeoKeptTemplate;

typedef struct HomeoGoneTemplate
{
	HomeoLogTemplate of;
	bool		is_merged;
	HomeoFingerprint into;
} HomeoGoneTemplate;

typedef struct HomeoLogTemplates
{
	LWLock		lock;
	Oid			table;			/* whose templates these are */
	pg_atomic_uint64 generation;
	pg_atomic_uint32 nunsaved;	/* in the list, and gone */
	uint64		learned;
	uint64		widened;
	uint64		merged;
	uint64		forgotten;
	uint32		first_unsaved;
	uint32		ngone;
	HomeoGoneTemplate gone[MAX_GONE];
	HomeoKeptTemplate kept[FLEXIBLE_ARRAY_MEMBER];
	/* and behind these the miner */
} HomeoLogTemplates;

static HomeoLogTemplates *templates = NULL;
static HomeoMiner *miner = NULL;

static Size
size_of_kept(void)
{
	return MAXALIGN(add_size(offsetof(HomeoLogTemplates, kept),
							 mul_size(homeo_guc_log_templates,
									  sizeof(HomeoKeptTemplate))));
}

static Size
size_of_miner(void)
{
	return homeo_miner_size((uint32) homeo_guc_log_templates);
}

static Size
shmem_size(void)
{
	return homeo_guc_log_templates == 0 ? 0 :
		add_size(size_of_kept(), size_of_miner());
}

/* No template is known. */
static void
begin_anew(void)
{
	templates->first_unsaved = NOWHERE;
	templates->ngone = 0;
	pg_atomic_write_u32(&templates->nunsaved, 0);
	pg_atomic_fetch_add_u64(&templates->generation, 1);
	memset(templates->kept, 0,
		   homeo_guc_log_templates * sizeof(HomeoKeptTemplate));
	miner = homeo_miner_init((char *) templates + size_of_kept(),
							 size_of_miner());
}

static void
shmem_attach(void *memory, Size size, bool found)
{
	static int	tranche = 0;

	if (size == 0)
		return;
	templates = memory;
	miner = (HomeoMiner *) ((char *) memory + size_of_kept());
	if (found)
		return;
	memset(templates, 0, offsetof(HomeoLogTemplates, gone));
	if (tranche == 0)
	{
		tranche = LWLockNewTrancheId();
		LWLockRegisterTranche(tranche, "HomeostasisLogTemplates");
	}
	LWLockInitialize(&templates->lock, tranche);
	pg_atomic_init_u64(&templates->generation, 0);
	pg_atomic_init_u32(&templates->nunsaved, 0);
	begin_anew();
}

void
homeo_log_template_init(void)
{
	static const HomeoShmemPiece piece = {
		.name = "homeostasis log templates",
		.size = shmem_size,
		.init = shmem_attach
	};

	homeo_shmem_register(&piece);
}

bool
homeo_log_template_possible(void)
{
	return templates != NULL;
}

bool
homeo_log_template_loaded(Oid table)
{
	return templates->table == table;
}

/* Whose lines they are. */
static uint64
scope_of(const char *service, const char *language)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) service,
										   (int) strlen(service), 0);

	return hash_bytes_extended((const unsigned char *) language,
							   (int) strlen(language), hash);
}

/* ----------------------------------------------------------------
 * What is to be saved; all with the lock
 * ----------------------------------------------------------------
 */

static void
note_change(uint32 place)
{
	HomeoKeptTemplate *kept = &templates->kept[place];

	if (kept->unsaved)
		return;
	kept->unsaved = true;
	kept->next_unsaved = templates->first_unsaved;
	templates->first_unsaved = place;
	pg_atomic_fetch_add_u32(&templates->nunsaved, 1);
}

/*
 * Notes that a template is gone, and whose fingerprint its lines have now; NULL
 * if nobody's.  A place that is in the list stays there, empty.
 */
static void
note_gone(HomeoLogTemplate *of, const HomeoFingerprint *into)
{
	HomeoGoneTemplate *gone = &templates->gone[templates->ngone];

	if (templates->ngone == MAX_GONE)
		return;
	gone->of = *of;
	gone->is_merged = into != NULL;
	if (into != NULL)
		gone->into = *into;
	templates->ngone++;
	pg_atomic_fetch_add_u32(&templates->nunsaved, 1);
	of->id = HOMEO_MINER_NONE;
}

static bool
may_lose(int n)
{
	return templates->ngone + n <= MAX_GONE;
}

static void
fill(uint32 place, uint32 id, const char *service, const char *language,
	 const HomeoFingerprint *fingerprint, TimestampTz used)
{
	HomeoLogTemplate *of = &templates->kept[place].of;

	of->id = id;
	strlcpy(of->service, service, sizeof(of->service));
	strlcpy(of->language, language, sizeof(of->language));
	of->fingerprint = *fingerprint;
	of->used = used;
	templates->kept[place].saved_used = 0;
}

/* ----------------------------------------------------------------
 * The template of a line
 * ----------------------------------------------------------------
 */

static void
note_use(uint32 id, TimestampTz now)
{
	uint32		place;

	LWLockAcquire(&templates->lock, LW_EXCLUSIVE);
	place = homeo_miner_place(miner, id);
	if (place != NOWHERE)
	{
		HomeoKeptTemplate *kept = &templates->kept[place];

		homeo_miner_use(miner, id);
		kept->of.used = now;
		if (now - kept->saved_used > USE_SAVED_AFTER)
			note_change(place);
	}
	LWLockRelease(&templates->lock);
}

/* The template that covers a line, if there is one. */
static bool
find(uint64 scope, const HomeoLogLine *line, TimestampTz now,
	 HomeoFingerprint *fingerprint)
{
	bool		used_long_ago = false;
	uint32		id;

	LWLockAcquire(&templates->lock, LW_SHARED);
	id = homeo_miner_match(miner, scope, line);
	if (id != HOMEO_MINER_NONE)
	{
		const HomeoLogTemplate *of =
		&templates->kept[homeo_miner_place(miner, id)].of;

		*fingerprint = of->fingerprint;
		used_long_ago = now - of->used > USE_KNOWN_AFTER;
	}
	LWLockRelease(&templates->lock);
	if (used_long_ago)
		note_use(id, now);
	return id != HOMEO_MINER_NONE;
}

/* What the miner has done, as far as others have to know it; with the lock. */
static void
note_result(const HomeoMinerResult *result)
{
	const HomeoLogTemplate *of = &templates->kept[result->place].of;

	for (int i = 0; i < result->nmerged; i++)
		note_gone(&templates->kept[result->merged_place[i]].of,
				  &of->fingerprint);
	if (result->is_new || result->is_wider)
		note_change(result->place);
	if (result->is_wider || result->evicted != HOMEO_MINER_NONE)
		pg_atomic_fetch_add_u64(&templates->generation, 1);
	templates->learned += result->is_new;
	templates->widened += result->is_wider;
	templates->merged += result->nmerged;
	templates->forgotten += result->evicted != HOMEO_MINER_NONE;
}

void
homeo_log_template_of(const char *service, const char *language,
					  HomeoSlice message, HomeoFingerprint *fingerprint)
{
	uint64		scope = scope_of(service, language);
	TimestampTz now = GetCurrentTimestamp();
	HomeoMinerResult result = {0};
	HomeoLogLine line;

	homeo_log_line_read(message.data, message.len, &line);
	if (find(scope, &line, now, fingerprint))
		return;
	homeo_fingerprint_line(homeo_slice(language, strlen(language)),
						   homeo_slice(line.str, line.len), fingerprint);
	LWLockAcquire(&templates->lock, LW_EXCLUSIVE);
	if (may_lose(HOMEO_MINER_MERGED))
		homeo_miner_learn(miner, scope, &line, &result);
	if (result.id != HOMEO_MINER_NONE)
	{
		HomeoLogTemplate *of = &templates->kept[result.place].of;

		if (result.evicted != HOMEO_MINER_NONE)
			note_gone(&templates->kept[result.evicted_place].of, NULL);
		if (result.is_new)
			fill(result.place, result.id, service, language, fingerprint, now);
		of->used = now;
		note_result(&result);
		*fingerprint = of->fingerprint;
	}
	LWLockRelease(&templates->lock);
}

uint64
homeo_log_template_generation(void)
{
	return templates == NULL ? 0 :
		pg_atomic_read_u64(&templates->generation);
}

/* ----------------------------------------------------------------
 * The table
 * ----------------------------------------------------------------
 */

void
homeo_log_template_load(Oid table, const HomeoSavedTemplate *saved, int n,
						uint32 last_id)
{
	LWLockAcquire(&templates->lock, LW_EXCLUSIVE);
	if (templates->table == table)
	{
		LWLockRelease(&templates->lock);
		return;
	}
	templates->table = table;
	begin_anew();
	homeo_miner_reserve(miner, last_id);
	for (int i = 0; i < n; i++)
	{
		const HomeoLogTemplate *of = &saved[i].of;
		uint32		place;

		/* There is room for fewer than there was. */
		if (n - i > homeo_guc_log_templates)
		{
			HomeoLogTemplate surplus = *of;

			note_gone(&surplus, NULL);
			continue;
		}
		if (!homeo_miner_load(miner, scope_of(of->service, of->language),
							  of->id, saved[i].str, saved[i].len))
			continue;
		place = homeo_miner_place(miner, of->id);
		fill(place, of->id, of->service, of->language, &of->fingerprint,
			 of->used);
		templates->kept[place].saved_used = of->used;
	}
	LWLockRelease(&templates->lock);
}

/* The first that is unsaved, which is not in the list any more. */
static uint32
next_unsaved(void)
{
	uint32		place = templates->first_unsaved;

	if (place != NOWHERE)
	{
		templates->first_unsaved = templates->kept[place].next_unsaved;
		templates->kept[place].unsaved = false;
		pg_atomic_fetch_sub_u32(&templates->nunsaved, 1);
	}
	return place;
}

bool
homeo_log_template_any_unsaved(void)
{
	return templates != NULL &&
		pg_atomic_read_u32(&templates->nunsaved) > 0;
}

int
homeo_log_template_take_unsaved(int most, HomeoSavedTemplate **unsaved)
{
	HomeoSavedTemplate *taken;
	uint32		place;
	int			n = 0;

	taken = palloc0(sizeof(HomeoSavedTemplate) * most);
	LWLockAcquire(&templates->lock, LW_EXCLUSIVE);
	while (n < most && templates->ngone > 0)
	{
		HomeoGoneTemplate *gone = &templates->gone[--templates->ngone];

		pg_atomic_fetch_sub_u32(&templates->nunsaved, 1);
		taken[n].of = gone->of;
		taken[n].is_gone = true;
		taken[n].is_merged = gone->is_merged;
		taken[n++].into = gone->into;
	}
	while (n < most && (place = next_unsaved()) != NOWHERE)
	{
		HomeoKeptTemplate *kept = &templates->kept[place];

		if (kept->of.id == HOMEO_MINER_NONE ||
			!homeo_miner_text(miner, kept->of.id, taken[n].str, &taken[n].len))
			continue;
		kept->saved_used = kept->of.used;
		taken[n++].of = kept->of;
	}
	LWLockRelease(&templates->lock);
	*unsaved = taken;
	return n;
}

void
homeo_log_template_give_back(const HomeoSavedTemplate *unsaved, int n)
{
	LWLockAcquire(&templates->lock, LW_EXCLUSIVE);
	for (int i = 0; i < n; i++)
	{
		HomeoLogTemplate of = unsaved[i].of;
		uint32		place = homeo_miner_place(miner, of.id);

		if (unsaved[i].is_gone)
			note_gone(&of, unsaved[i].is_merged ? &unsaved[i].into : NULL);
		else if (place != NOWHERE)
			note_change(place);
	}
	LWLockRelease(&templates->lock);
}

void
homeo_log_template_stat(HomeoLogTemplateStat *stat)
{
	memset(stat, 0, sizeof(*stat));
	if (templates == NULL)
		return;
	LWLockAcquire(&templates->lock, LW_SHARED);
	stat->learned = templates->learned;
	stat->widened = templates->widened;
	stat->merged = templates->merged;
	stat->forgotten = templates->forgotten;
	stat->templates = homeo_miner_count(miner);
	stat->capacity = homeo_miner_capacity(miner);
	stat->unsaved = pg_atomic_read_u32(&templates->nunsaved);
	LWLockRelease(&templates->lock);
}
