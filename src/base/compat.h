/*
 * compat.h
 *		Differences between the versions of PostgreSQL that are supported,
 *		15 to 18; the only file that looks at PG_VERSION_NUM.
 *
 * A wrapper has the name and arguments of the newest version's function with
 * homeo_ in front and _compat behind.
 */
#ifndef HOMEO_COMPAT_H
#define HOMEO_COMPAT_H

#include "catalog/pg_database.h"
#include "common/jsonapi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "tcop/pquery.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/relcache.h"
#include "utils/wait_event.h"

/* Before version 16 these headers declare functions without prototypes. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include "nodes/nodeFuncs.h"
#include "optimizer/planner.h"
#pragma GCC diagnostic pop

StaticAssertDecl(PG_VERSION_NUM >= 150000 && PG_VERSION_NUM < 190000,
				 "homeostasis supports PostgreSQL 15 to 18");

/*
 * The module is compiled with -fvisibility=hidden, and before version 16
 * PG_FUNCTION_INFO_V1 exports the information about a function but not the
 * function.  So each file that has one includes this header.
 */
#if PG_VERSION_NUM < 160000
#undef PG_FUNCTION_INFO_V1
#define PG_FUNCTION_INFO_V1(funcname) \
	extern PGDLLEXPORT Datum funcname(PG_FUNCTION_ARGS); \
	extern PGDLLEXPORT const Pg_finfo_record *CppConcat(pg_finfo_, funcname) (void); \
	const Pg_finfo_record * \
	CppConcat(pg_finfo_, funcname) (void) \
	{ \
		static const Pg_finfo_record info = {1}; \
\
		return &info; \
	} \
	extern int	no_such_variable
#endif

/*
 * What a GUC check hook hands over as its extra data must come from the
 * allocator that the server frees it with.
 */
static inline void *
homeo_guc_malloc_compat(int elevel, size_t size)
{
#if PG_VERSION_NUM >= 160000
	return guc_malloc(elevel, size);
#else
	void	   *data = malloc(size);

	if (data == NULL)
		ereport(elevel,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	return data;
#endif
}

static inline void
homeo_guc_free_compat(void *data)
{
#if PG_VERSION_NUM >= 160000
	guc_free(data);
#else
	free(data);
#endif
}

/*
 * Number of a wait event of this extension.  Before version 17 extensions
 * share one event without a name.  Not in a signal handler or the log hook.
 */
static inline uint32
homeo_wait_event_compat(const char *name)
{
#if PG_VERSION_NUM >= 170000
	return WaitEventExtensionNew(name);
#else
	return PG_WAIT_EXTENSION;
#endif
}

/* Index of a process in ProcGlobal->allProcs. */
static inline int
homeo_proc_number_compat(PGPROC *proc)
{
#if PG_VERSION_NUM >= 170000
	return GetNumberFromPGProc(proc);
#else
	return proc->pgprocno;
#endif
}

static inline bool
homeo_object_ownercheck_database_compat(Oid database, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(DatabaseRelationId, database, role);
#else
	return pg_database_ownercheck(database, role);
#endif
}

/* Whether a session of member could SET ROLE to role. */
static inline bool
homeo_can_set_role_compat(Oid member, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return member_can_set_role(member, role);
#else
	return is_member_of_role(member, role);
#endif
}

/* The index of a table's primary key that is checked at once. */
static inline Oid
homeo_primary_key_index_compat(Relation table)
{
#if PG_VERSION_NUM >= 180000
	return RelationGetPrimaryKeyIndex(table, false);
#else
	return RelationGetPrimaryKeyIndex(table);
#endif
}

/* For JSON in the database's encoding. */
static inline JsonLexContext *
homeo_json_lexer_compat(const char *json, int len)
{
#if PG_VERSION_NUM >= 170000
	return makeJsonLexContextCstringLen(NULL, json, len,
										GetDatabaseEncoding(), true);
#else
	return makeJsonLexContextCstringLen(unconstify(char *, json), len,
										GetDatabaseEncoding(), true);
#endif
}

static inline bool
homeo_portal_run_compat(Portal portal, long count, bool is_top_level,
						DestReceiver *dest, DestReceiver *altdest,
						QueryCompletion *completion)
{
#if PG_VERSION_NUM >= 180000
	return PortalRun(portal, count, is_top_level, dest, altdest, completion);
#else
	return PortalRun(portal, count, is_top_level, true, dest, altdest,
					 completion);
#endif
}

#endif							/* HOMEO_COMPAT_H */
