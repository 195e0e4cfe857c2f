/*
 * guc.h
 *		The settings homeostasis.*; each variable's unit is in its name or
 *		behind it.
 *
 * Settings of context "postmaster" exist only when the library is in
 * shared_preload_libraries; without it the variables keep their defaults.
 */
#ifndef HOMEO_GUC_H
#define HOMEO_GUC_H

#define HOMEO_MAX_INGEST_WORKERS	16
#define HOMEO_MAX_ANALYSTS			8

typedef enum HomeoMode
{
	HOMEO_MODE_OBSERVE,			/* diagnose only */
	HOMEO_MODE_SUGGEST,			/* plan and validate; a person approves */
	HOMEO_MODE_AUTO				/* policies may approve */
} HomeoMode;

/* What an event that report() has acknowledged survives. */
typedef enum HomeoDurability
{
	HOMEO_DURABILITY_MEMORY,	/* nothing but an orderly end */
	HOMEO_DURABILITY_JOURNAL,	/* the end of any process */
	HOMEO_DURABILITY_SYNC		/* a loss of power */
} HomeoDurability;

typedef enum HomeoOverflowPolicy
{
	HOMEO_OVERFLOW_WAIT,
	HOMEO_OVERFLOW_DROP
} HomeoOverflowPolicy;

/* General */
extern char *homeo_guc_database;
extern int	homeo_guc_mode;		/* HomeoMode */
extern bool homeo_guc_workers;

/* Capture of the server's own errors */
extern bool homeo_guc_capture;
extern int	homeo_guc_capture_level;	/* an elevel of elog.h */

/* Intake */
extern int	homeo_guc_batch_size;	/* events */
extern int	homeo_guc_batch_timeout;	/* ms */
extern int	homeo_guc_compact_after_days;	/* 0: never */
extern int	homeo_guc_compact_limit;	/* kB */
extern int	homeo_guc_decompressed_limit;	/* kB */
extern int	homeo_guc_durability;	/* HomeoDurability */
extern int	homeo_guc_history_days;
extern int	homeo_guc_hour_counts_days;
extern int	homeo_guc_ingest_workers;
extern int	homeo_guc_journal_flush_interval;	/* ms */
extern int	homeo_guc_journal_limit;	/* kB; 0: no journal */
extern int	homeo_guc_log_templates;	/* 0: none are kept */
extern int	homeo_guc_max_issues_per_service;
extern int	homeo_guc_max_services;
extern int	homeo_guc_memory_limit; /* kB */
extern int	homeo_guc_minute_counts_hours;
extern int	homeo_guc_overflow_policy;	/* HomeoOverflowPolicy */
extern int	homeo_guc_overflow_timeout; /* ms */
extern int	homeo_guc_partitions_ahead; /* days */
extern int	homeo_guc_payloads_per_issue_per_minute;
extern int	homeo_guc_payloads_per_service_per_minute;	/* 0: any number */
extern int	homeo_guc_retention_days;
extern int	homeo_guc_ring_size;	/* kB */

/* Spikes */
extern int	homeo_guc_spike_deviations;
extern int	homeo_guc_spike_history;	/* minutes */
extern int	homeo_guc_spike_min_rate;	/* errors a minute */

/* Rules */
extern int	homeo_guc_analyze_workers;
extern int	homeo_guc_match_cache_size; /* kB; 0: nothing is cached */
extern int	homeo_guc_match_limit;	/* PCRE2's unit: backtracking steps */
extern int	homeo_guc_max_limit_hits_per_hour;
extern int	homeo_guc_match_subject_limit;	/* bytes */
extern int	homeo_guc_rule_cache_size;	/* compiled patterns */
extern int	homeo_guc_rule_prior_weight;	/* patches */
extern int	homeo_guc_stat_rules_max;	/* rules */

/* Planning and dry runs */
extern int	homeo_guc_dry_run_lock_hold;	/* ms */
extern int	homeo_guc_dry_run_lock_timeout; /* ms */
extern int	homeo_guc_dry_run_max_bytes;	/* kB; -1: no limit */
extern int	homeo_guc_dry_run_statement_timeout;	/* ms */
extern bool homeo_guc_replay;

/* Deployment */
extern int	homeo_guc_deploy_lock_timeout;	/* ms */
extern int	homeo_guc_deploy_statement_timeout; /* ms */
extern int	homeo_guc_max_healings_per_hour;
extern int	homeo_guc_max_healings_per_object_per_hour;

/* Healer */
extern int	homeo_guc_healer_interval;	/* ms */
extern int	homeo_guc_lease;	/* s */

extern void homeo_guc_init(void);

/*
 * What the capture_* and capture_exclude_* lists say.  They neither allocate
 * nor raise, so the log hook may call them; a null name is captured unless
 * only named ones are.
 */
extern bool homeo_guc_captures_sqlstate(int sqlerrcode);
extern bool homeo_guc_captures_database(const char *name);
extern bool homeo_guc_captures_role(const char *name);

/* Whether homeostasis.replay_extensions names the extension. */
extern bool homeo_guc_trusts_extension(const char *name);

#endif							/* HOMEO_GUC_H */
