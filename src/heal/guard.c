/*
 * guard.c
 *		Keeps what runs in a sandbox from leaving something that a rollback does
 *		not undo, and from running others' code as a superuser.
 *
 * What a statement runs cannot be told from its text: triggers, defaults,
 * views, rules, casts, operators and the functions that these call are anybody's
 * code.  So nothing is foretold; each thing is judged when the server is about
 * to run it, however deep:
 *
 *	- functions that the executor calls, in its object access hook, which it
 *	  runs for each function of an expression, of an aggregate or of FROM;
 *	- every function that is not built in, in the hook of the function manager,
 *	  which sees triggers, handlers of foreign data wrappers and the like, and
 *	  is asked before a function of SQL is put in its caller's place;
 *	- utility statements, in their hook.
 *
 * What is not known to leave nothing is refused with an error.  Functions of
 * SQL and of trusted languages reach the server only through the three hooks;
 * code in C does as it likes, so it must belong to an extension that is known
 * or named in homeostasis.replay_extensions, or be declared not volatile by
 * one.  Parallel workers do not have the hooks, so there are none: the planner
 * is kept from it here, builders of indexes by a setting (sandbox.c).
 *
 * The hooks are installed in operators only, and stay.  What judges may run in
 * any place where a function is looked up: it reads the system caches, which
 * that place is about to do as well.
 */
#include "postgres.h"

#include "heal/guard.h"

#include "access/transam.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/guc.h"
#include "catalog/dependency.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "heal/statement.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/*
 * Volatile functions of the server that leave nothing, or only a gap in a
 * sequence.  One that a later version brings is refused until it is here.
 */
static const char *const harmless_functions[] = {
	"array_sample", "array_shuffle", "clock_timestamp", "current_query",
	"currval", "cursor_to_xml", "cursor_to_xmlschema", "gen_random_uuid",
	"lastval", "lo_close", "lo_creat", "lo_create", "lo_from_bytea", "lo_get",
	"lo_lseek", "lo_lseek64", "lo_open", "lo_put", "lo_tell", "lo_tell64",
	"lo_truncate", "lo_truncate64", "lo_unlink", "loread", "lowrite",
	"nextval", "pg_advisory_xact_lock", "pg_advisory_xact_lock_shared",
	"pg_blocking_pids", "pg_current_wal_flush_lsn",
	"pg_current_wal_insert_lsn", "pg_current_wal_lsn", "pg_database_size",
	"pg_get_sequence_data", "pg_indexes_size", "pg_is_in_recovery",
	"pg_lock_status", "pg_notify", "pg_partition_ancestors",
	"pg_partition_tree", "pg_relation_size", "pg_sequence_last_value",
	"pg_sleep", "pg_table_size", "pg_tablespace_size",
	"pg_total_relation_size", "pg_try_advisory_xact_lock",
	"pg_try_advisory_xact_lock_shared", "pg_xact_commit_timestamp",
	"pg_xact_status", "query_to_xml", "query_to_xml_and_xmlschema",
	"query_to_xmlschema", "random", "random_normal", "set_config", "setseed",
	"timeofday", "ts_rewrite", "ts_stat", "txid_status", "uuidv4", "uuidv7"
};

/* Extensions whose volatile functions in C stay inside of the transaction. */
static const char *const harmless_extensions[] = {
	"amcheck", "autoinc", "btree_gin", "btree_gist", "citext", "cube",
	"earthdistance", "fuzzystrmatch", "hstore", "hypopg", "insert_username",
	"intarray", "isn", "lo", "ltree", "moddatetime", "pg_trgm", "pgcrypto",
	"pgrowlocks", "pgstattuple", "plperl", "plpgsql", "pltcl", "postgis",
	"refint", "seg", "tablefunc", "tcn", "tsm_system_rows",
	"tsm_system_time", "unaccent", "uuid-ossp", "vector"
};

static int	in_force = 0;
static bool setval_permitted = false;
static bool slot_drop_permitted = false;
static char breach[NAMEDATALEN + 100];

static object_access_hook_type next_object_access = NULL;
static needs_fmgr_hook_type next_needs_fmgr = NULL;
static ProcessUtility_hook_type next_utility = NULL;
static planner_hook_type next_planner = NULL;

static bool
is_among(const char *name, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static bool
is_trusted_extension(Oid extension)
{
	char	   *name;

	if (!OidIsValid(extension))
		return false;
	name = get_extension_name(extension);
	return name != NULL &&
		(is_among(name, harmless_extensions, lengthof(harmless_extensions)) ||
		 homeo_guc_trusts_extension(name));
}

static bool
is_trusted_language(Oid oid)
{
	HeapTuple	tuple = SearchSysCache1(LANGOID, ObjectIdGetDatum(oid));
	bool		trusted;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for language %u", oid);
	trusted = ((Form_pg_language) GETSTRUCT(tuple))->lanpltrusted;
	ReleaseSysCache(tuple);
	return trusted ||
		is_trusted_extension(getExtensionOfObject(LanguageRelationId, oid));
}

/* What gives the server routines to store or sample rows, by its type. */
static bool
is_handler(Oid type)
{
	return type == INDEX_AM_HANDLEROID || type == TABLE_AM_HANDLEROID ||
		type == TSM_HANDLEROID;
}

/* One that initdb made. */
static bool
builtin_is_harmless(Form_pg_proc form)
{
	if (form->oid == F_SETVAL_REGCLASS_INT8 ||
		form->oid == F_SETVAL_REGCLASS_INT8_BOOL)
		return setval_permitted;
	if (form->oid == F_PG_DROP_REPLICATION_SLOT)
		return slot_drop_permitted;
	return form->prolang != INTERNALlanguageId ||
		form->provolatile != PROVOLATILE_VOLATILE ||
		is_among(NameStr(form->proname), harmless_functions,
				 lengthof(harmless_functions));
}

/* A name that a superuser gave to a function of the server. */
static bool
alias_is_harmless(HeapTuple tuple)
{
	bool		isnull;
	Datum		source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc,
										 &isnull);
	Oid			original = isnull ? InvalidOid :
	fmgr_internal_function(TextDatumGetCString(source));
	HeapTuple	builtin = SearchSysCache1(PROCOID, ObjectIdGetDatum(original));
	bool		harmless = false;

	if (HeapTupleIsValid(builtin))
	{
		harmless = builtin_is_harmless((Form_pg_proc) GETSTRUCT(builtin));
		ReleaseSysCache(builtin);
	}
	return harmless;
}

static bool
function_is_harmless(Form_pg_proc form, HeapTuple tuple)
{
	Oid			extension;

	if (form->oid < FirstNormalObjectId)
		return builtin_is_harmless(form);
	if (form->prolang == SQLlanguageId || form->prokind == PROKIND_AGGREGATE)
		return true;			/* what it is made of is judged by itself */
	if (form->prolang == INTERNALlanguageId)
		return alias_is_harmless(tuple);
	if (form->prolang != ClanguageId)
		return is_trusted_language(form->prolang);

	extension = getExtensionOfObject(ProcedureRelationId, form->oid);
	if (!OidIsValid(extension))
		return false;
	return form->provolatile != PROVOLATILE_VOLATILE ||
		is_handler(form->prorettype) || is_trusted_extension(extension) ||
		(creating_extension && extension == CurrentExtensionObject);
}

/* what: "calls f()" or "runs STATEMENT". */
static void
refuse_effect(const char *what)
{
	if (breach[0] == '\0')
		snprintf(breach, sizeof(breach),
				 "%s, which may leave what a rollback does not undo", what);
	ereport(ERROR,
			(errcode(ERRCODE_HOMEO_LASTING_EFFECT),
			 errmsg("refused: it %s, which may leave what a rollback does not undo",
					what),
			 errhint("Neither a dry run nor a patch that runs as a superuser may do that. "
					 "If it is code of an extension that leaves nothing, add the extension "
					 "to homeostasis.replay_extensions.")));
}

/*
 * Whoever may put a trigger on a table, or owns a function that somebody
 * else's table uses, must not become a superuser by a patch that runs as one.
 */
static void
refuse_code_of_others(Form_pg_proc form)
{
	if (form->prolang == INTERNALlanguageId || form->prolang == ClanguageId ||
		form->prosecdef || form->oid < FirstNormalObjectId ||
		!superuser() || superuser_arg(form->proowner))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("a patch that runs as a superuser may not run function %s()",
					NameStr(form->proname)),
			 errdetail("The function belongs to %s, who is no superuser.",
					   GetUserNameFromId(form->proowner, true)),
			 errhint("Let a superuser own the function, or somebody else the object of the patch.")));
}

static void
judge_function(Oid oid)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(oid));
	Form_pg_proc form;

	if (!HeapTupleIsValid(tuple))
		return;					/* whoever looks it up will say so */
	form = (Form_pg_proc) GETSTRUCT(tuple);
	if (in_force & HOMEO_GUARD_SUPERUSER)
		refuse_code_of_others(form);
	if ((in_force & HOMEO_GUARD_EFFECTS) &&
		!(creating_extension && oid < FirstNormalObjectId) &&
		!function_is_harmless(form, tuple))
		refuse_effect(psprintf("calls %s()", NameStr(form->proname)));
	ReleaseSysCache(tuple);
}

static void
guard_object_access(ObjectAccessType access, Oid class_id, Oid object_id,
					int sub_id, void *arg)
{
	if (next_object_access)
		next_object_access(access, class_id, object_id, sub_id, arg);
	if (in_force != 0 && access == OAT_FUNCTION_EXECUTE)
		judge_function(object_id);
}

/* Asks for no hook at calls; it is the question that is of use. */
static bool
guard_needs_fmgr(Oid function)
{
	if (in_force != 0)
		judge_function(function);
	return next_needs_fmgr != NULL && next_needs_fmgr(function);
}

static void
guard_utility(PlannedStmt *statement, const char *source, bool read_only_tree,
			  ProcessUtilityContext context, ParamListInfo params,
			  QueryEnvironment *environment, DestReceiver *dest,
			  QueryCompletion *completion)
{
	/* A part of a statement that was judged already is not judged again. */
	if ((in_force & HOMEO_GUARD_EFFECTS) && !creating_extension &&
		context != PROCESS_UTILITY_SUBCOMMAND &&
		!homeo_statement_stays_inside(statement->utilityStmt))
		refuse_effect(psprintf("runs %s",
							   CreateCommandName(statement->utilityStmt)));
	if (next_utility)
		next_utility(statement, source, read_only_tree, context, params,
					 environment, dest, completion);
	else
		standard_ProcessUtility(statement, source, read_only_tree, context,
								params, environment, dest, completion);
}

static PlannedStmt *
guard_planner(Query *query, const char *source, int options,
			  ParamListInfo params)
{
	if (in_force & HOMEO_GUARD_EFFECTS)
		options &= ~CURSOR_OPT_PARALLEL_OK;
	if (next_planner)
		return next_planner(query, source, options, params);
	return standard_planner(query, source, options, params);
}

static void
install(void)
{
	static bool installed = false;

	if (installed)
		return;
	installed = true;
	next_object_access = object_access_hook;
	object_access_hook = guard_object_access;
	next_needs_fmgr = needs_fmgr_hook;
	needs_fmgr_hook = guard_needs_fmgr;
	next_utility = ProcessUtility_hook;
	ProcessUtility_hook = guard_utility;
	next_planner = planner_hook;
	planner_hook = guard_planner;
}

int
homeo_guard_set(int guards)
{
	int			former = in_force;

	if (guards != 0)
	{
		install();
		breach[0] = '\0';
	}
	setval_permitted = false;
	slot_drop_permitted = false;
	in_force = guards;
	return former;
}

void
homeo_guard_permit_setval(void)
{
	setval_permitted = true;
}

void
homeo_guard_permit_slot_drop(void)
{
	slot_drop_permitted = true;
}

const char *
homeo_guard_breach(void)
{
	return breach[0] == '\0' ? NULL : breach;
}
