/*
 * guc.c
 *		Defines the settings homeostasis.*, all of them here.
 *
 * homeo_guc_init() runs from _PG_init only.  Lists are parsed by their check
 * hooks into one block of memory that guc.c of the server owns, so that the
 * log hook can read them without allocating.
 */
#include "postgres.h"

#include "base/guc.h"

#include "base/compat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

/* SQLSTATEs, and classes as codes whose last three characters are "000". */
typedef struct HomeoSqlstates
{
	int			ncodes;
	struct
	{
		int			code;
		bool		is_class;
	}			entry[FLEXIBLE_ARRAY_MEMBER];
} HomeoSqlstates;

typedef struct HomeoNames
{
	int			nnames;
	NameData	name[FLEXIBLE_ARRAY_MEMBER];
} HomeoNames;

char	   *homeo_guc_database = (char *) "postgres";
int			homeo_guc_mode = HOMEO_MODE_SUGGEST;
bool		homeo_guc_workers = true;

bool		homeo_guc_capture = true;
int			homeo_guc_capture_level = ERROR;

int			homeo_guc_batch_size = 1000;
int			homeo_guc_batch_timeout = 10;
int			homeo_guc_compact_after_days = 2;
int			homeo_guc_compact_limit = 1024 * 1024;
int			homeo_guc_decompressed_limit = 64 * 1024;
int			homeo_guc_durability = HOMEO_DURABILITY_JOURNAL;
int			homeo_guc_history_days = 365;
int			homeo_guc_hour_counts_days = 14;
int			homeo_guc_ingest_workers = 1;
int			homeo_guc_journal_flush_interval = 200;
int			homeo_guc_journal_limit = 1024 * 1024;
int			homeo_guc_log_templates = 5000;
int			homeo_guc_max_issues_per_service = 10000;
int			homeo_guc_max_services = 1000;
int			homeo_guc_memory_limit = 4 * 1024 * 1024;
int			homeo_guc_minute_counts_hours = 1;
int			homeo_guc_overflow_policy = HOMEO_OVERFLOW_WAIT;
int			homeo_guc_overflow_timeout = 1000;
int			homeo_guc_partitions_ahead = 3;
int			homeo_guc_payloads_per_issue_per_minute = 1000;
int			homeo_guc_payloads_per_service_per_minute = 0;
int			homeo_guc_retention_days = 30;
int			homeo_guc_ring_size = 64 * 1024;
int			homeo_guc_spike_deviations = 6;
int			homeo_guc_spike_history = 60;
int			homeo_guc_spike_min_rate = 60;

int			homeo_guc_analyze_workers = 2;
int			homeo_guc_match_cache_size = 16 * 1024;
int			homeo_guc_match_limit = 100000;
int			homeo_guc_match_subject_limit = 64 * 1024;
int			homeo_guc_max_limit_hits_per_hour = 100;
int			homeo_guc_rule_cache_size = 5000;
int			homeo_guc_rule_prior_weight = 10;
int			homeo_guc_stat_rules_max = 5000;

int			homeo_guc_dry_run_lock_hold = 5000;
int			homeo_guc_dry_run_lock_timeout = 2000;
int			homeo_guc_dry_run_max_bytes = 1024 * 1024;
int			homeo_guc_dry_run_statement_timeout = 60 * 1000;
bool		homeo_guc_replay = true;

int			homeo_guc_deploy_lock_timeout = 5000;
int			homeo_guc_deploy_statement_timeout = 60 * 60 * 1000;
int			homeo_guc_max_healings_per_hour = 20;
int			homeo_guc_max_healings_per_object_per_hour = 3;

int			homeo_guc_healer_interval = 1000;
int			homeo_guc_lease = 300;

/* The lists as text, for SHOW, and as the check hooks parsed them. */
static char *capture_sqlstates;
static char *capture_exclude_sqlstates;
static char *capture_databases;
static char *capture_exclude_databases;
static char *capture_roles;
static char *capture_exclude_roles;
static char *replay_extensions;

static const HomeoSqlstates *only_sqlstates;
static const HomeoSqlstates *not_sqlstates;
static const HomeoNames *only_databases;
static const HomeoNames *not_databases;
static const HomeoNames *only_roles;
static const HomeoNames *not_roles;
static const HomeoNames *trusted_extensions;

static const struct config_enum_entry mode_options[] = {
	{"observe", HOMEO_MODE_OBSERVE, false},
	{"suggest", HOMEO_MODE_SUGGEST, false},
	{"auto", HOMEO_MODE_AUTO, false},
	{NULL, 0, false}
};

static const struct config_enum_entry durability_options[] = {
	{"memory", HOMEO_DURABILITY_MEMORY, false},
	{"journal", HOMEO_DURABILITY_JOURNAL, false},
	{"sync", HOMEO_DURABILITY_SYNC, false},
	{NULL, 0, false}
};

static const struct config_enum_entry overflow_options[] = {
	{"wait", HOMEO_OVERFLOW_WAIT, false},
	{"drop", HOMEO_OVERFLOW_DROP, false},
	{NULL, 0, false}
};

static const struct config_enum_entry level_options[] = {
	{"warning", WARNING, false},
	{"error", ERROR, false},
	{"fatal", FATAL, false},
	{"panic", PANIC, false},
	{NULL, 0, false}
};

/*
 * True when the server accepts a setting of this context from this process:
 * one that needs a restart can only be defined while the server starts.
 */
static bool
may_define(GucContext context)
{
	return context != PGC_POSTMASTER || process_shared_preload_libraries_in_progress;
}

/* The default of each setting below is the variable's initial value. */
static void
define_bool(const char *name, bool *variable, GucContext context,
			const char *short_desc, const char *long_desc)
{
	DefineCustomBoolVariable(name, short_desc, long_desc, variable, *variable,
							 context, 0, NULL, NULL, NULL);
}

static void
define_int(const char *name, int *variable, int min, int max,
		   GucContext context, int flags,
		   const char *short_desc, const char *long_desc)
{
	if (may_define(context))
		DefineCustomIntVariable(name, short_desc, long_desc, variable,
								*variable, min, max, context, flags,
								NULL, NULL, NULL);
}

static void
define_enum(const char *name, int *variable,
			const struct config_enum_entry *options, GucContext context,
			const char *short_desc, const char *long_desc)
{
	DefineCustomEnumVariable(name, short_desc, long_desc, variable, *variable,
							 options, context, 0, NULL, NULL, NULL);
}

static void
define_list(const char *name, char **variable, GucStringCheckHook check,
			GucStringAssignHook assign,
			const char *short_desc, const char *long_desc)
{
	DefineCustomStringVariable(name, short_desc, long_desc, variable, "",
							   PGC_SIGHUP, GUC_LIST_INPUT,
							   check, assign, NULL);
}

/*
 * Splits a list setting at its commas; false, with a detail and a hint set,
 * when it is not a list.  *copy holds the text that the cells point into; the
 * caller frees both.
 */
static bool
split_list(const char *value, char **copy, List **items)
{
	*copy = pstrdup(value);
	if (SplitIdentifierString(*copy, ',', items))
		return true;

	GUC_check_errdetail("List syntax is invalid.");
	GUC_check_errhint("Separate the entries with commas; put a name that has "
					  "capitals or other characters in double quotes.");
	list_free(*items);
	pfree(*copy);
	return false;
}

/* Reads "42P01" or "42" into an entry of the list; false: neither. */
static bool
parse_sqlstate(const char *item, HomeoSqlstates *list)
{
	char		code[5] = {'0', '0', '0', '0', '0'};
	size_t		length = strlen(item);

	if (length != 2 && length != 5)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		code[i] = pg_ascii_toupper((unsigned char) item[i]);
		if (!((code[i] >= '0' && code[i] <= '9') ||
			  (code[i] >= 'A' && code[i] <= 'Z')))
			return false;
	}
	list->entry[list->ncodes].code =
		MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4]);
	list->entry[list->ncodes].is_class = (length == 2);
	list->ncodes++;
	return true;
}

static bool
check_sqlstates(char **newval, void **extra, GucSource source)
{
	char	   *copy;
	List	   *items;
	ListCell   *lc;
	HomeoSqlstates *list;
	bool		valid = true;

	if (!split_list(*newval, &copy, &items))
		return false;

	list = homeo_guc_malloc_compat(LOG, offsetof(HomeoSqlstates, entry) +
								   list_length(items) * sizeof(list->entry[0]));
	if (list == NULL)
		return false;
	list->ncodes = 0;
	foreach(lc, items)
	{
		if (!parse_sqlstate((char *) lfirst(lc), list))
		{
			GUC_check_errdetail("\"%s\" is neither an SQLSTATE nor a class of SQLSTATEs.",
								(char *) lfirst(lc));
			GUC_check_errhint("Give codes of five characters, such as 42P01, or the "
							  "two characters of a class, such as 42.");
			valid = false;
			break;
		}
	}
	list_free(items);
	pfree(copy);
	if (valid)
		*extra = list;
	else
		homeo_guc_free_compat(list);
	return valid;
}

static bool
check_names(char **newval, void **extra, GucSource source)
{
	char	   *copy;
	List	   *items;
	ListCell   *lc;
	HomeoNames *list;

	if (!split_list(*newval, &copy, &items))
		return false;

	list = homeo_guc_malloc_compat(LOG, offsetof(HomeoNames, name) +
								   list_length(items) * sizeof(NameData));
	if (list == NULL)
		return false;
	list->nnames = 0;
	foreach(lc, items)
		namestrcpy(&list->name[list->nnames++], (char *) lfirst(lc));
	list_free(items);
	pfree(copy);
	*extra = list;
	return true;
}

static bool
check_database(char **newval, void **extra, GucSource source)
{
	size_t		length = strlen(*newval);

	if (length > 0 && length < NAMEDATALEN)
		return true;
	GUC_check_errdetail("homeostasis.database must be a name of 1 to %d bytes.",
						NAMEDATALEN - 1);
	GUC_check_errhint("Set it to the database in which the extension is created; "
					  "it may be created later.");
	return false;
}

static void
assign_sqlstates(const char *newval, void *extra)
{
	only_sqlstates = extra;
}

static void
assign_exclude_sqlstates(const char *newval, void *extra)
{
	not_sqlstates = extra;
}

static void
assign_databases(const char *newval, void *extra)
{
	only_databases = extra;
}

static void
assign_exclude_databases(const char *newval, void *extra)
{
	not_databases = extra;
}

static void
assign_roles(const char *newval, void *extra)
{
	only_roles = extra;
}

static void
assign_exclude_roles(const char *newval, void *extra)
{
	not_roles = extra;
}

static void
assign_replay_extensions(const char *newval, void *extra)
{
	trusted_extensions = extra;
}

static bool
includes_sqlstate(const HomeoSqlstates *list, int sqlerrcode)
{
	if (list == NULL)
		return false;
	for (int i = 0; i < list->ncodes; i++)
	{
		int			code = list->entry[i].is_class ?
		ERRCODE_TO_CATEGORY(sqlerrcode) : sqlerrcode;

		if (list->entry[i].code == code)
			return true;
	}
	return false;
}

/* A class is stored as "CC000", whose category is its two characters. */
bool
homeo_guc_captures_sqlstate(int sqlerrcode)
{
	if (includes_sqlstate(not_sqlstates, sqlerrcode))
		return false;
	return only_sqlstates == NULL || only_sqlstates->ncodes == 0 ||
		includes_sqlstate(only_sqlstates, sqlerrcode);
}

static bool
includes_name(const HomeoNames *list, const char *name)
{
	if (list == NULL || name == NULL)
		return false;
	for (int i = 0; i < list->nnames; i++)
	{
		if (strcmp(NameStr(list->name[i]), name) == 0)
			return true;
	}
	return false;
}

static bool
captures_name(const HomeoNames *only, const HomeoNames *except, const char *name)
{
	if (includes_name(except, name))
		return false;
	return only == NULL || only->nnames == 0 || includes_name(only, name);
}

bool
homeo_guc_captures_database(const char *name)
{
	return captures_name(only_databases, not_databases, name);
}

bool
homeo_guc_captures_role(const char *name)
{
	return captures_name(only_roles, not_roles, name);
}

bool
homeo_guc_trusts_extension(const char *name)
{
	return includes_name(trusted_extensions, name);
}

static void
define_general(void)
{
	if (may_define(PGC_POSTMASTER))
		DefineCustomStringVariable("homeostasis.database",
								   "Names the home database, in which the extension keeps its tables.",
								   "Errors of all databases of the server are stored there. "
								   "The workers wait until the database and the extension in it exist.",
								   &homeo_guc_database, "postgres",
								   PGC_POSTMASTER, 0,
								   check_database, NULL, NULL);
	define_enum("homeostasis.mode", &homeo_guc_mode, mode_options, PGC_SIGHUP,
				"Sets how far healing goes by itself.",
				"observe: diagnose only; suggest: plan and validate patches, a "
				"person approves; auto: policies may approve.");
	define_bool("homeostasis.workers", &homeo_guc_workers, PGC_SIGHUP,
				"Lets the background workers work.",
				"When off they leave their database and wait, for instance while "
				"a dump is restored; errors are kept in memory until "
				"homeostasis.advance() is called.");
}

static void
define_capture(void)
{
	define_bool("homeostasis.capture", &homeo_guc_capture, PGC_SIGHUP,
				"Captures errors that the server raises.",
				"Only what reaches the server log is seen: an error below "
				"log_min_messages, or caught by PL/pgSQL, is not.");
	define_enum("homeostasis.capture_level", &homeo_guc_capture_level,
				level_options, PGC_SIGHUP,
				"Sets the lowest level of messages to capture.",
				"warning, error, fatal or panic.");
	define_list("homeostasis.capture_databases", &capture_databases,
				check_names, assign_databases,
				"Lists the databases whose errors are captured; empty: all.",
				"Comma-separated names; names with capitals need double quotes.");
	define_list("homeostasis.capture_exclude_databases",
				&capture_exclude_databases,
				check_names, assign_exclude_databases,
				"Lists databases whose errors are not captured.",
				"Comma-separated names; names with capitals need double quotes.");
	define_list("homeostasis.capture_exclude_roles", &capture_exclude_roles,
				check_names, assign_exclude_roles,
				"Lists login roles whose errors are not captured.",
				"Comma-separated names; names with capitals need double quotes.");
	define_list("homeostasis.capture_exclude_sqlstates",
				&capture_exclude_sqlstates,
				check_sqlstates, assign_exclude_sqlstates,
				"Lists SQLSTATEs that are not captured.",
				"Comma-separated codes; two characters stand for a class.");
	define_list("homeostasis.capture_roles", &capture_roles,
				check_names, assign_roles,
				"Lists the login roles whose errors are captured; empty: all.",
				"Comma-separated names; names with capitals need double quotes.");
	define_list("homeostasis.capture_sqlstates", &capture_sqlstates,
				check_sqlstates, assign_sqlstates,
				"Lists the SQLSTATEs that are captured; empty: all.",
				"Comma-separated codes; two characters stand for a class.");
}

static void
define_intake(void)
{
	define_int("homeostasis.batch_size", &homeo_guc_batch_size, 1, 10000,
			   PGC_SIGHUP, 0,
			   "Sets how many events are stored by one transaction at most.",
			   "While a worker is behind it takes four times as many. Larger "
			   "batches store faster; smaller ones are visible sooner.");
	define_int("homeostasis.batch_timeout", &homeo_guc_batch_timeout, 0, 10000,
			   PGC_SIGHUP, GUC_UNIT_MS,
			   "Sets how long events are gathered before a partial batch is stored.",
			   "0 stores at once what is there.");
	define_int("homeostasis.decompressed_limit",
			   &homeo_guc_decompressed_limit, 64, 1000 * 1024, PGC_SIGHUP,
			   GUC_UNIT_KB,
			   "Sets how large a body given to report_batch() may be when it is decompressed.",
			   "A larger one is refused, before any of its events is taken. It is "
			   "held in the memory of the session meanwhile.");
	define_enum("homeostasis.durability", &homeo_guc_durability,
				durability_options, PGC_USERSET,
				"Sets what an event survives once report() has returned.",
				"memory: an orderly shutdown; journal: the end of any process, "
				"and a loss of power but for what came within "
				"homeostasis.journal_flush_interval; sync: a loss of power. "
				"Captured errors of the server are always in memory only.");
	define_int("homeostasis.ingest_workers", &homeo_guc_ingest_workers,
			   1, HOMEO_MAX_INGEST_WORKERS, PGC_POSTMASTER, 0,
			   "Sets how many workers store events.",
			   "Each takes one of max_worker_processes, and its share of "
			   "homeostasis.ring_size.");
	define_int("homeostasis.journal_flush_interval",
			   &homeo_guc_journal_flush_interval, 1, 60000, PGC_SIGHUP,
			   GUC_UNIT_MS,
			   "Sets how soon the journal is flushed to disk.",
			   "What came within it is lost with the power, unless "
			   "homeostasis.durability is sync.");
	define_int("homeostasis.journal_limit", &homeo_guc_journal_limit,
			   0, INT_MAX, PGC_SIGHUP, GUC_UNIT_KB,
			   "Sets how much disk space the journal of reported events may take.",
			   "It is in the data directory, and takes it only while events "
			   "cannot be stored. 0 means no journal: homeostasis.durability is "
			   "then memory.");
	define_int("homeostasis.log_templates", &homeo_guc_log_templates,
			   0, 1000000, PGC_POSTMASTER, 0,
			   "Sets how many templates of log lines are kept.",
			   "Each takes 1.7 kilobytes of shared memory; the one used least "
			   "makes room for another. With 0, lines are grouped by their "
			   "words alone.");
	define_int("homeostasis.max_issues_per_service",
			   &homeo_guc_max_issues_per_service, 1, 10000000, PGC_SIGHUP, 0,
			   "Sets how many issues the errors reported for one service can make.",
			   "An error that would make another one is refused, or goes to "
			   "rejected_events. Errors that the server raised are not limited.");
	define_int("homeostasis.max_services", &homeo_guc_max_services,
			   1, 1000000, PGC_SIGHUP, 0,
			   "Sets how many services reported errors can make.",
			   "An error of yet another service is refused, or goes to "
			   "rejected_events. Databases are not counted.");
	define_int("homeostasis.memory_limit", &homeo_guc_memory_limit,
			   32 * 1024, INT_MAX, PGC_SIGHUP, GUC_UNIT_KB,
			   "Sets how much memory the ingest workers and the healer may take together.",
			   "Each has an equal share. An ingest worker that comes near to it stores "
			   "smaller batches and empties its caches.");
	define_enum("homeostasis.overflow_policy", &homeo_guc_overflow_policy,
				overflow_options, PGC_SIGHUP,
				"Sets what report() does when there is no room for an event.",
				"wait: it waits for homeostasis.overflow_timeout, and then raises "
				"an error; drop: the event is counted, dropped, and has null "
				"for its id.");
	define_int("homeostasis.overflow_timeout", &homeo_guc_overflow_timeout,
			   0, 60000, PGC_SIGHUP, GUC_UNIT_MS,
			   "Sets how long report() waits for room when there is none.",
			   "Then it raises an error; 0 raises it at once. Capturing the "
			   "server's errors never waits, and an eighth of the ring is kept for it.");
	define_int("homeostasis.payloads_per_issue_per_minute",
			   &homeo_guc_payloads_per_issue_per_minute,
			   0, 1000000, PGC_SIGHUP, 0,
			   "Sets how many errors of an issue are stored whole each minute.",
			   "What the server raises beyond that is only counted, but for the "
			   "first error of a session and the last one of a batch. What is "
			   "reported is not limited by this. 0 stores everything.");
	define_int("homeostasis.payloads_per_service_per_minute",
			   &homeo_guc_payloads_per_service_per_minute,
			   0, 100000000, PGC_SIGHUP, 0,
			   "Sets how many errors of a service are stored whole each minute.",
			   "What comes beyond that, of whatever origin, is only counted; of an "
			   "issue one is stored in each minute nevertheless, and of what the "
			   "server raises the first one of each session. 0 stores everything. "
			   "services.payloads_per_minute overrides it for a service.");
	define_int("homeostasis.ring_size", &homeo_guc_ring_size,
			   1024, 16 * 1024 * 1024, PGC_POSTMASTER, GUC_UNIT_KB,
			   "Sets the shared memory in which events wait to be stored.",
			   "64MB hold about 100,000 typical errors; what does not fit is "
			   "counted and dropped, or refused to report().");
}

/* SQL reads these: see sql/code/spikes.sql. */
static void
define_spikes(void)
{
	define_int("homeostasis.spike_deviations", &homeo_guc_spike_deviations,
			   1, 1000, PGC_SIGHUP, 0,
			   "Sets how far above its usual rate the rate of an issue is a spike.",
			   "In standard deviations, as estimated from the median of its errors "
			   "a minute and their distances from that.");
	define_int("homeostasis.spike_history", &homeo_guc_spike_history,
			   10, 24 * 60, PGC_SIGHUP, GUC_UNIT_MIN,
			   "Sets how far back the usual rate of an issue is looked for.",
			   "A rate that goes on for more than half of it becomes the usual one.");
	define_int("homeostasis.spike_min_rate", &homeo_guc_spike_min_rate,
			   0, 1000000000, PGC_SIGHUP, 0,
			   "Sets the rate of an issue, in errors a minute, below which nothing is a spike.",
			   "It is also the rate at which a new issue is one. 0 looks for no "
			   "spikes.");
}

/* What maintain() does with what is stored. */
static void
define_storage(void)
{
	define_int("homeostasis.compact_after_days", &homeo_guc_compact_after_days,
			   0, 3650, PGC_SIGHUP, 0,
			   "Sets after how many days a partition of errors is made compact.",
			   "Its rows are then in order and its indexes full. Never yesterday's "
			   "or today's; 0 means none.");
	define_int("homeostasis.compact_limit", &homeo_guc_compact_limit,
			   0, INT_MAX, PGC_SIGHUP, GUC_UNIT_KB,
			   "Sets the size of a partition of errors above which it is not made compact.",
			   "Its rows are copied in one transaction, during which late errors "
			   "of that day wait.");
	define_int("homeostasis.history_days", &homeo_guc_history_days,
			   1, 36500, PGC_SIGHUP, 0,
			   "Sets how many days finished patches and diagnoses are kept.",
			   "With a patch go its validations, approvals, deployments and jobs; "
			   "at least homeostasis.retention_days. The audit log is kept.");
	define_int("homeostasis.hour_counts_days", &homeo_guc_hour_counts_days,
			   1, 3650, PGC_SIGHUP, 0,
			   "Sets how many days errors are counted by the hour before they are counted by the day.",
			   "At least homeostasis.minute_counts_hours. Days are those of UTC.");
	define_int("homeostasis.minute_counts_hours",
			   &homeo_guc_minute_counts_hours, 1, 87600, PGC_SIGHUP, 0,
			   "Sets how many hours errors are counted by the minute before they are counted by the hour.",
			   "At least as long as homeostasis.spike_history needs. Sums stay exact.");
	define_int("homeostasis.partitions_ahead", &homeo_guc_partitions_ahead,
			   1, 30, PGC_SIGHUP, 0,
			   "Sets how many days ahead partitions of errors are created.",
			   "They are created at start and hourly.");
	define_int("homeostasis.retention_days", &homeo_guc_retention_days,
			   1, 3650, PGC_SIGHUP, 0,
			   "Sets how many days errors are kept of services whose class says nothing else.",
			   "See homeostasis.service_classes. Partitions that no service needs "
			   "any more are dropped, and rows that belong to them deleted.");
}

static void
define_rules(void)
{
	define_int("homeostasis.analyze_workers", &homeo_guc_analyze_workers,
			   0, HOMEO_MAX_ANALYSTS, PGC_SIGHUP, 0,
			   "Sets how many workers analyse stored issues anew after analyze().",
			   "Two of max_worker_processes are left free for healing. Where there "
			   "is no room, and with 0, the healer does it bit by bit.");
	define_int("homeostasis.match_cache_size", &homeo_guc_match_cache_size,
			   0, 16 * 1024 * 1024, PGC_POSTMASTER, GUC_UNIT_KB,
			   "Sets the shared memory for what the rules said of events.",
			   "Each event that was matched takes half a kilobyte; see "
			   "stat_cache. 0 caches nothing, not in the processes either.");
	define_int("homeostasis.match_limit", &homeo_guc_match_limit,
			   1000, 10000000, PGC_SIGHUP, 0,
			   "Sets how many steps one pattern may take on one text.",
			   "A pattern that reaches the limit does not match and is counted.");
	define_int("homeostasis.match_subject_limit", &homeo_guc_match_subject_limit,
			   1024, 1024 * 1024, PGC_SIGHUP, GUC_UNIT_BYTE,
			   "Sets how much of a text is matched.",
			   "What is longer is cut at a character.");
	define_int("homeostasis.max_limit_hits_per_hour",
			   &homeo_guc_max_limit_hits_per_hour, 0, INT_MAX, PGC_SIGHUP, 0,
			   "Sets how often a rule may reach homeostasis.match_limit in an hour.",
			   "Then it is disabled: its pattern costs more than it finds. 0 "
			   "means no limit.");
	define_int("homeostasis.rule_cache_size", &homeo_guc_rule_cache_size,
			   10, 100000, PGC_SIGHUP, 0,
			   "Sets how many patterns a process keeps compiled.",
			   "Each takes some kilobytes; the one not used for longest makes room.");
	define_int("homeostasis.rule_prior_weight", &homeo_guc_rule_prior_weight,
			   1, 1000000, PGC_SIGHUP, 0,
			   "Sets how many patches the confidence that a rule's author gave it counts for.",
			   "So many of the rule's patches weigh as much as its author when its "
			   "confidence is learned; a large number learns slowly.");
	define_int("homeostasis.stat_rules_max", &homeo_guc_stat_rules_max,
			   100, 1000000, PGC_POSTMASTER, 0,
			   "Sets how many rules are counted in stat_rules.",
			   "Each takes about 200 bytes of shared memory.");
}

static void
define_dry_run(void)
{
	define_int("homeostasis.dry_run_lock_hold",
			   &homeo_guc_dry_run_lock_hold, 1, 3600 * 1000, PGC_SIGHUP,
			   GUC_UNIT_MS,
			   "Sets how long a dry run may hold locks that others wait for.",
			   "It is the time to apply the patch, and while its locks are "
			   "ShareLock or stronger to try the undo and to replay the statement "
			   "as well. What there is no time for is not tried: the validation "
			   "is then weaker evidence and a person must approve.");
	define_int("homeostasis.dry_run_lock_timeout",
			   &homeo_guc_dry_run_lock_timeout, 1, 3600 * 1000, PGC_SIGHUP,
			   GUC_UNIT_MS,
			   "Sets how long a dry run waits for a lock.",
			   "The dry run fails then; those that queue behind it wait as long.");
	define_int("homeostasis.dry_run_max_bytes", &homeo_guc_dry_run_max_bytes,
			   -1, INT_MAX, PGC_SIGHUP, GUC_UNIT_KB,
			   "Sets the size of a table above which a patch is not tried on it.",
			   "The validation is then weaker evidence and a person must "
			   "approve. -1 means no limit.");
	define_int("homeostasis.dry_run_statement_timeout",
			   &homeo_guc_dry_run_statement_timeout, 1, 24 * 3600 * 1000,
			   PGC_SIGHUP, GUC_UNIT_MS,
			   "Sets how long each statement of a dry run may take.",
			   "The dry run fails then.");
	define_bool("homeostasis.replay", &homeo_guc_replay, PGC_SIGHUP,
				"Replays captured statements in dry runs.",
				"Each is replayed as the role that issued it, in a transaction "
				"that is rolled back. Without it no failure is reproduced.");
	define_list("homeostasis.replay_extensions", &replay_extensions,
				check_names, assign_replay_extensions,
				"Lists extensions whose code may run in dry runs.",
				"Code in C or an untrusted language, and foreign tables, can leave "
				"what a rollback does not undo, so only known extensions of "
				"PostgreSQL run; name here those that leave nothing.");
}

static void
define_deployment(void)
{
	define_int("homeostasis.deploy_lock_timeout",
			   &homeo_guc_deploy_lock_timeout, 1, 3600 * 1000, PGC_SIGHUP,
			   GUC_UNIT_MS,
			   "Sets how long a patch waits for a lock when it is applied or undone.",
			   "It fails then, and nothing of it remains; those that queue "
			   "behind it wait as long.");
	define_int("homeostasis.deploy_statement_timeout",
			   &homeo_guc_deploy_statement_timeout, 1, 24 * 3600 * 1000,
			   PGC_SIGHUP, GUC_UNIT_MS,
			   "Sets how long each statement of a patch may take.",
			   "The patch fails then.");
	define_int("homeostasis.max_healings_per_hour",
			   &homeo_guc_max_healings_per_hour, 0, 10000, PGC_SIGHUP, 0,
			   "Sets how many patches are applied in an hour without a person.",
			   "0 applies none.");
	define_int("homeostasis.max_healings_per_object_per_hour",
			   &homeo_guc_max_healings_per_object_per_hour, 0, 10000,
			   PGC_SIGHUP, 0,
			   "Sets how many patches of one object are applied in an hour without a person.",
			   "0 applies none.");
}

static void
define_healer(void)
{
	define_int("homeostasis.healer_interval", &homeo_guc_healer_interval,
			   100, 3600 * 1000, PGC_SIGHUP, GUC_UNIT_MS,
			   "Sets how often the healer looks for work.",
			   "New issues wake it at once.");
	define_int("homeostasis.lease", &homeo_guc_lease, 10, 24 * 3600,
			   PGC_SIGHUP, GUC_UNIT_S,
			   "Sets how long a job belongs to the process that claimed it.",
			   "It is at least as long as the time limits of the job's "
			   "statements allow; after it the job is tried again.");
}

void
homeo_guc_init(void)
{
	define_general();
	define_capture();
	define_intake();
	define_spikes();
	define_storage();
	define_rules();
	define_dry_run();
	define_deployment();
	define_healer();
	MarkGUCPrefixReserved("homeostasis");
}
