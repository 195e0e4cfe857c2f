/*
 * replay.c
 *		Runs a captured statement again, as the role that issued it, to see
 *		whether it still fails.
 *
 * Only what the server itself captured is replayed: a client that reports an
 * event could name any role and any statement.  Must be called in a
 * transaction of the operator; results live in CurrentMemoryContext.
 */
#include "postgres.h"

#include "heal/replay.h"

#include "base/compat.h"
#include "base/guc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "heal/statement.h"
#include "nodes/params.h"
#include "nodes/pg_list.h"
#include "parser/analyze.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

/* What PostgreSQL uses when nobody set another. */
#define DEFAULT_SEARCH_PATH		"\"$user\", public"

/* What the server writes before the parameters of a failed statement. */
#define PARAMETERS_MARK			"with parameters: "

/* Secrets are replaced by asterisks before an event is stored. */
#define SCRUBBED_MARK			"***"

/* For the body that runs in the sandbox. */
typedef struct HomeoReplayRun
{
	HomeoReplay *replay;
	HomeoOutcome *outcome;
} HomeoReplayRun;

static bool
holds(List *texts, const char *wanted)
{
	ListCell   *lc;

	foreach(lc, texts)
	{
		if (strcmp((const char *) lfirst(lc), wanted) == 0)
			return true;
	}
	return false;
}

/*
 * Reads 'text' with doubled quotes, at *position, and moves it behind.  NULL:
 * it ends too early, or the server cut it (then it ends with "...").
 */
static char *
read_quoted(const char **position)
{
	StringInfoData value;
	const char *p = *position;

	if (*p++ != '\'')
		return NULL;
	initStringInfo(&value);
	for (; *p != '\0'; p++)
	{
		if (*p == '\'' && *++p != '\'')
		{
			*position = p;
			if (value.len >= 3 &&
				strcmp(value.data + value.len - 3, "...") == 0)
				return NULL;
			return value.data;
		}
		appendStringInfoChar(&value, *p);
	}
	return NULL;
}

/* Reads "$1 = 'a', $2 = NULL", which must be count values and nothing else. */
static bool
read_values_at(const char *p, int count, List **values)
{
	*values = NIL;
	for (int i = 1; i <= count; i++)
	{
		char	   *label = psprintf("%s$%d = ", i > 1 ? ", " : "", i);
		char	   *value = NULL;

		if (strncmp(p, label, strlen(label)) != 0)
			return false;
		p += strlen(label);
		if (strncmp(p, "NULL", 4) == 0)
			p += 4;
		else if ((value = read_quoted(&p)) == NULL)
			return false;
		*values = lappend(*values, value);
	}
	return *p == '\0';
}

/*
 * Reads "... with parameters: $1 = 'a', $2 = NULL" from an error's context,
 * which the server writes when log_parameter_max_length_on_error is set.  It
 * is the last line; the names of functions in the lines before may look like
 * it, and so may the values.  False: there are not that many.
 */
static bool
read_parameters(const char *context, int count, List **parameters)
{
	const char *p = context;

	while (p != NULL && (p = strstr(p, PARAMETERS_MARK)) != NULL)
	{
		p += strlen(PARAMETERS_MARK);
		if (read_values_at(p, count, parameters))
			return true;
	}
	return false;
}

/*
 * Whether a bare name may have stood for something temporary, which is not
 * here: the path then begins with pg_temp.  An error that names its relation
 * can be told from another by what it says.
 */
static bool
may_mean_temporary(Jsonb *event)
{
	const char *path = homeo_json_text(event, "search_path");

	return path != NULL && strncmp(path, "pg_temp", strlen("pg_temp")) == 0 &&
		homeo_json_text(event, "schema_name") == NULL;
}

/* Why the event cannot be replayed, by what is known of its origin. */
static const char *
obstacle_of_origin(Jsonb *payload, Jsonb *event)
{
	const char *origin = homeo_json_text(payload, "origin");
	const char *statement = homeo_json_text(event, "statement");

	if (!homeo_guc_replay)
		return "homeostasis.replay is off";
	if (origin == NULL || strcmp(origin, "server_log") != 0)
		return "the server did not capture the error itself";
	if (statement == NULL)
		return "the error carries no statement";
	if (holds(homeo_json_texts(payload, "truncated"), "statement"))
		return "the statement was cut when it was stored";
	if (holds(homeo_json_texts(payload, "truncated"), "search_path"))
		return "the search_path was cut when it was stored";
	if (strstr(statement, SCRUBBED_MARK) != NULL)
		return "a secret was removed from the statement";
	if (may_mean_temporary(event))
		return "its session had temporary objects, which it may have meant";
	return NULL;
}

static Oid
find_role(const char *name)
{
	return name == NULL ? InvalidOid : get_role_oid(name, true);
}

/*
 * Why the statement cannot be replayed as the role that was in force when it
 * failed: in a SECURITY DEFINER function that is the function's owner, and
 * the rest of the statement must never run as him.  Whoever logged in may act
 * as that role only if he could have set it.
 */
static const char *
obstacle_of_role(Oid role, Oid session)
{
	if (!OidIsValid(role) || !OidIsValid(session))
		return "the role that issued the statement does not exist";
	if (!homeo_can_set_role_compat(session, role))
		return "it failed as a role that its session could not set, in a function perhaps";
	return NULL;
}

const char *
homeo_replay_raiser(Jsonb *payload)
{
	const char *role = homeo_json_text(homeo_json_value(payload, "event"),
									   "role");
	const char *session = homeo_json_text(payload, "session_role");

	return obstacle_of_role(find_role(role), find_role(session)) == NULL ?
		role : session;
}

/* NULL: it does not parse as a single statement. */
static RawStmt *
parse_quietly(const char *sql)
{
	MemoryContext context = CurrentMemoryContext;
	RawStmt    *volatile statement = NULL;

	PG_TRY();
	{
		statement = homeo_statement_parse(sql);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	return statement;
}

/*
 * Parses the statement.  One that does not parse can be replayed only as the
 * syntax error that it is, which says nothing: it is an obstacle.
 */
static const char *
obstacle_of_statement(HomeoReplay *replay, const char *context)
{
	const char *obstacle;
	int			nparameters;

	replay->statement = parse_quietly(replay->sql);
	if (replay->statement == NULL)
		return "the statement does not parse as a single one";
	obstacle = homeo_statement_replay_obstacle(replay->statement);
	if (obstacle != NULL)
		return obstacle;

	nparameters = homeo_statement_parameters(replay->statement);
	replay->only_values_missing = true;
	if (nparameters > 0 &&
		!read_parameters(context, nparameters, &replay->parameters))
		return "the values of the statement's parameters are not known";
	if (nparameters > 0 && strstr(context, SCRUBBED_MARK) != NULL)
		return "a secret was removed from the statement's parameters";
	replay->only_values_missing = false;
	return NULL;
}

void
homeo_replay_prepare(HomeoReplay *replay, Jsonb *payload)
{
	Jsonb	   *event = homeo_json_value(payload, "event");

	memset(replay, 0, sizeof(*replay));
	replay->captured_sqlstate = homeo_json_text(event, "sqlstate");
	replay->search_path = homeo_json_text(event, "search_path");
	if (replay->search_path == NULL)
		replay->search_path = DEFAULT_SEARCH_PATH;
	replay->sql = homeo_json_text(event, "statement");

	replay->obstacle = obstacle_of_origin(payload, event);
	if (replay->obstacle != NULL)
		return;
	replay->role = find_role(homeo_json_text(event, "role"));
	replay->obstacle = obstacle_of_role(replay->role,
										find_role(homeo_json_text(payload,
																  "session_role")));
	if (replay->obstacle != NULL)
		return;
	replay->obstacle =
		obstacle_of_statement(replay, homeo_json_text(event, "context"));
}

/* Reads the parameters by the types that analysis found for them. */
static ParamListInfo
make_parameters(List *values, Oid *types, int ntypes)
{
	ParamListInfo params;
	ListCell   *lc;
	int			i = 0;

	params = makeParamList(list_length(values));
	foreach(lc, values)
	{
		const char *value = lfirst(lc);
		ParamExternData *param = &params->params[i];
		Oid			input;
		Oid			ioparam;

		param->ptype = i < ntypes && OidIsValid(types[i]) ? types[i] : TEXTOID;
		param->pflags = PARAM_FLAG_CONST;
		param->isnull = value == NULL;
		getTypeInputInfo(param->ptype, &input, &ioparam);
		param->value = OidInputFunctionCall(input, unconstify(char *, value),
											ioparam, -1);
		i++;
	}
	return params;
}

/* The values of a plannable statement's parameters; NULL: it has none. */
static ParamListInfo
typed_parameters(HomeoReplay *replay)
{
	Oid		   *types = NULL;
	int			ntypes = 0;

	if (replay->parameters == NIL)
		return NULL;
	(void) parse_analyze_varparams(copyObject(replay->statement), replay->sql,
								   &types, &ntypes, NULL);
	return make_parameters(replay->parameters, types, ntypes);
}

static void
replay_body(void *arg)
{
	HomeoReplayRun *run = arg;

	run->outcome->rows = homeo_sandbox_execute(run->replay->sql,
											   typed_parameters(run->replay));
}

/*
 * What ALTER ROLE and ALTER DATABASE stored for a session of the role in this
 * database, the more specific after the less, as a List of "name=value".
 */
static List *
configured_settings(Oid role)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext old;
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {ObjectIdGetDatum(role)};
	List	   *settings = NIL;

	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_execute_with_args("select unnest(s.setconfig)"
							  " from pg_catalog.pg_db_role_setting s"
							  " where s.setrole in (0, $1) and s.setdatabase in"
							  "   (0, (select d.oid from pg_catalog.pg_database d"
							  "        where d.datname = pg_catalog.current_database()))"
							  " order by s.setrole, s.setdatabase",
							  1, types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read pg_db_role_setting");
	old = MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < SPI_processed; i++)
		settings = lappend(settings,
						   SPI_getvalue(SPI_tuptable->vals[i],
										SPI_tuptable->tupdesc, 1));
	MemoryContextSwitchTo(old);
	PopActiveSnapshot();
	SPI_finish();
	return settings;
}

/* The value that comes last in such a list, or NULL. */
static const char *
setting_among(List *settings, const char *name)
{
	const char *found = NULL;
	size_t		length = strlen(name);
	ListCell   *lc;

	foreach(lc, settings)
	{
		const char *setting = lfirst(lc);

		if (strncmp(setting, name, length) == 0 && setting[length] == '=')
			found = setting + length + 1;
	}
	return found;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/*
 * The role's own statement_timeout, which may be what the statement failed
 * by, if it is shorter than limit.
 */
static int
effective_timeout(List *settings, int limit)
{
	const char *value = setting_among(settings, "statement_timeout");
	int			configured = 0;

	if (value == NULL || !parse_int(value, &configured, GUC_UNIT_MS, NULL) ||
		configured <= 0)
		return limit;
	return Min(configured, limit);
}

void
homeo_replay_run(HomeoReplay *replay, int lock_timeout, int statement_timeout,
				 HomeoOutcome *outcome)
{
	HomeoReplayRun run = {
		.replay = replay,
		.outcome = outcome
	};
	List	   *settings = configured_settings(replay->role);
	const char *configured_path = setting_among(settings, "search_path");
	HomeoSandbox sandbox = {
		.role = replay->role,
		.settings = settings,
		.search_path = replay->search_path,
		.lock_timeout = lock_timeout,
		.statement_timeout = effective_timeout(settings, statement_timeout),
		.guards = HOMEO_GUARD_EFFECTS
	};
	const char *breach;

	if (!replay->ran)
		replay->configured_path = configured_path;
	else if (configured_path != NULL &&
			 !same_text(configured_path, replay->configured_path))
		sandbox.search_path = configured_path;
	replay->ran = true;
	homeo_sandbox_run(&sandbox, replay_body, &run, outcome);
	breach = homeo_guard_breach();
	if (breach != NULL)
		replay->obstacle = psprintf("it %s", breach);
}
