/*
 * homeostasis.c
 *		Loads the module: calls the init function of each room, lowest floor
 *		first.
 *
 * Without shared_preload_libraries the settings and the SQL functions are
 * there, and those that need shared memory or workers say what is missing.
 */
#include "postgres.h"

#include "base/guc.h"
#include "base/shmem.h"
#include "base/worker.h"
#include "fmgr.h"
#include "intake/drops.h"
#include "intake/journal.h"
#include "intake/kept.h"
#include "intake/log_template.h"
#include "intake/log_template_save.h"
#include "intake/quota.h"
#include "intake/restore.h"
#include "intake/ring.h"
#include "intake/scrub_filter.h"
#include "intake/server_log.h"
#include "intake/store.h"
#include "miscadmin.h"
#include "rules/diagnose.h"
#include "rules/image_share.h"
#include "rules/rules.h"
#include "workers/launcher.h"
#include "workers/vacate.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	homeo_guc_init();
	homeo_store_init();
	homeo_log_template_save_init();
	homeo_diagnose_init();

	/* pg_upgrade must find no connection but its own. */
	if (IsBinaryUpgrade || !process_shared_preload_libraries_in_progress)
		return;

	homeo_shmem_init();
	homeo_rules_init();
	homeo_image_share_init();
	(void) homeo_scrub_filter_init();
	homeo_worker_init();
	homeo_ring_init();
	homeo_journal_init();
	homeo_drops_init();
	homeo_quota_init();
	homeo_log_template_init();
	homeo_kept_init();
	homeo_server_log_init();
	homeo_restore_init();
	homeo_launcher_init();
	homeo_vacate_init();
}
