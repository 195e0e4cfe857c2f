/*
 * send.c
 *		The connection to the database, and one batch at a time on it.
 *
 * A batch is one statement, in a transaction of its own, with its parameters
 * beside it; nothing of the session is relied on.  So a pooler that gives
 * each transaction another session is no different from a server.
 */
#include "agent/send.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/files.h"
#include "agent/say.h"

/* Waits between attempts grow from the first to the second. */
#define SHORTEST_WAIT	(AGENT_SECOND / 4)
#define LONGEST_WAIT	(30 * AGENT_SECOND)
#define CONNECT_TIME	(30 * AGENT_SECOND)

/* Smaller batches are not worth it. */
#define COMPRESS_FROM	((size_t) 1024)

#define BYTEA_OID		17
#define TEXT_OID		25

/* Messages of libpq end with a line end, and may have several lines. */
static void
copy_message(const char *message, char *copy, size_t size)
{
	HomeoSpan	trimmed = agent_span_trim(agent_span_string(message));

	snprintf(copy, size, "%.*s", (int) trimmed.len, trimmed.data);
}

bool
agent_send_check(const char *conninfo, char *problem, size_t size)
{
	HomeoSpan	given = agent_span_string(conninfo);
	PQconninfoOption *options;
	char	   *message = NULL;
	bool		good;

	/* As libpq tells a connection string from the name of a database. */
	if (!agent_span_has(given, "=") &&
		!agent_span_starts(given, "postgresql://") &&
		!agent_span_starts(given, "postgres://"))
		return true;
	options = PQconninfoParse(conninfo, &message);
	good = options != NULL;
	copy_message(message == NULL ? "out of memory" : message, problem, size);
	PQconninfoFree(options);
	PQfreemem(message);
	return good;
}

void
agent_send_open(HomeoSender *sender, const char *conninfo, int64_t timeout)
{
	memset(sender, 0, sizeof(*sender));
	sender->conninfo = conninfo;
	sender->timeout = timeout;
	srandom((unsigned) (agent_now() ^ agent_ticks()));
}

void
agent_send_close(HomeoSender *sender)
{
	PQclear(sender->result);
	sender->result = NULL;
	if (sender->connection != NULL)
		PQfinish(sender->connection);
	sender->connection = NULL;
	sender->state = HOMEO_SEND_CLOSED;
}

bool
agent_send_ready(const HomeoSender *sender)
{
	return sender->state == HOMEO_SEND_READY &&
		agent_ticks() >= sender->retry_at;
}

/*
 * Waits longer after each failure; by chance more or less, so that many
 * agents don't come all at once to a server that has just come back.
 */
static void
wait_longer(HomeoSender *sender)
{
	int64_t		wait = SHORTEST_WAIT;

	for (int i = 0; i < sender->failures && wait < LONGEST_WAIT; i++)
		wait *= 2;
	if (wait > LONGEST_WAIT)
		wait = LONGEST_WAIT;
	sender->failures++;
	wait = wait / 2 + (int64_t) ((double) wait * ((double) random() / RAND_MAX));
	sender->retry_at = agent_ticks() + wait;
}

/* Says that the database is away, and why: once, unless the reason changes. */
static void
say_away(HomeoSender *sender, const char *introduction)
{
	if (!sender->away_said || strcmp(sender->said, sender->problem) != 0)
		agent_warn("%s%s (trying again)", introduction, sender->problem);
	memcpy(sender->said, sender->problem, sizeof(sender->said));
	sender->away_said = true;
}

static HomeoSendResult
fail(HomeoSender *sender, const char *doing, const char *why)
{
	bool		busy = sender->state == HOMEO_SEND_BUSY;

	snprintf(sender->problem, sizeof(sender->problem), "%s: %s", doing, why);
	say_away(sender, "");
	agent_send_close(sender);
	wait_longer(sender);
	return busy ? HOMEO_SENT_RETRY : HOMEO_SENT_NOTHING;
}

static HomeoSendResult
fail_connection(HomeoSender *sender, const char *doing)
{
	char		why[400];

	copy_message(PQerrorMessage(sender->connection), why, sizeof(why));
	return fail(sender, doing, why);
}

static void
connect_now(HomeoSender *sender)
{
	/*
	 * What the program itself asks for comes first, so that the user's
	 * settings win, except for the encoding of what is sent.
	 */
	const char *keywords[] = {
		"fallback_application_name", "dbname", "client_encoding", NULL
	};
	const char *values[] = {
		"homeostasis-agent", sender->conninfo, "UTF8", NULL
	};

	sender->started = agent_ticks();
	sender->connection = PQconnectStartParams(keywords, values, 1);
	sender->state = HOMEO_SEND_CONNECTING;
	sender->polling = POLLOUT;
	if (sender->connection == NULL)
		agent_fail("out of memory");
	if (PQstatus(sender->connection) == CONNECTION_BAD)
		(void) fail_connection(sender, "could not connect to the database");
}

static void
ignore_notice(void *arg, const PGresult *result)
{
}

static HomeoSendResult
step_connecting(HomeoSender *sender)
{
	switch (PQconnectPoll(sender->connection))
	{
		case PGRES_POLLING_FAILED:
			return fail_connection(sender, "could not connect to the database");
		case PGRES_POLLING_READING:
			sender->polling = POLLIN;
			break;
		case PGRES_POLLING_WRITING:
			sender->polling = POLLOUT;
			break;
		case PGRES_POLLING_OK:
			(void) PQsetNoticeReceiver(sender->connection, ignore_notice, NULL);

			/*
			 * Bytes are converted event by event, and one that cannot be is
			 * refused for good; a text as a whole is, and can be sent again
			 * without such characters.  So it is text, unless nothing is
			 * converted.
			 */
			if (PQsetnonblocking(sender->connection, 1) != 0 ||
				!PQsendQuery(sender->connection,
							 "select pg_catalog.to_regprocedure('homeostasis.report_batch(bytea, text)') is not null"
							 " and pg_catalog.getdatabaseencoding() = 'UTF8'"))
				return fail_connection(sender, "could not ask the database");
			sender->state = HOMEO_SEND_PROBING;
			sender->unsent = false;
			sender->started = agent_ticks();
			break;
		default:
			break;
	}
	if (sender->state == HOMEO_SEND_CONNECTING &&
		agent_ticks() - sender->started > CONNECT_TIME)
		return fail(sender, "could not connect to the database",
					"it does not answer");
	return HOMEO_SENT_NOTHING;
}

/*
 * Will the same batch be refused each time?  Then its data is at fault.
 * Whatever else it is may change: a missing privilege can be granted.
 */
static bool
is_about_data(const char *sqlstate)
{
	return sqlstate != NULL &&
		(strncmp(sqlstate, "22", 2) == 0 || strncmp(sqlstate, "HO", 2) == 0 ||
		 strcmp(sqlstate, "54000") == 0);
}

/* What to do about an error for which the database itself has no hint. */
static const char *
remedy_of(const char *sqlstate)
{
	if (sqlstate == NULL)
		return NULL;
	if (strcmp(sqlstate, "42501") == 0)
		return "Grant homeostasis_reporter to the role that the agent connects as.";
	if (strcmp(sqlstate, "3F000") == 0 || strcmp(sqlstate, "42883") == 0)
		return "Name the database in which CREATE EXTENSION homeostasis was run.";
	return NULL;
}

/* An error that the database answered with. */
static HomeoSendResult
fail_statement(HomeoSender *sender, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *hint = remedy_of(sqlstate);

	if (hint == NULL)
		hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
	snprintf(sender->problem, sizeof(sender->problem), "%s%s%s",
			 message == NULL ? PQresultErrorMessage(result) : message,
			 hint == NULL ? "" : ". ", hint == NULL ? "" : hint);
	sender->state = HOMEO_SEND_READY;
	if (is_about_data(sqlstate))
		return HOMEO_SENT_REFUSED;
	say_away(sender, "the database does not take events: ");
	wait_longer(sender);
	return HOMEO_SENT_RETRY;
}

static void
note_success(HomeoSender *sender)
{
	if (sender->away_said)
		agent_inform("the database takes events again");
	sender->away_said = false;
	sender->failures = 0;
	sender->retry_at = 0;
	sender->reached = true;
}

/* The answer, when all of it is there; NULL: it is not there yet. */
static PGresult *
take_answer(HomeoSender *sender)
{
	PGresult   *answer;

	while (!PQisBusy(sender->connection))
	{
		PGresult   *result = PQgetResult(sender->connection);

		if (result == NULL)
		{
			answer = sender->result;
			sender->result = NULL;
			return answer;
		}
		/* An error is the last word, whatever follows. */
		if (sender->result != NULL &&
			PQresultStatus(sender->result) != PGRES_TUPLES_OK)
			PQclear(result);
		else
		{
			PQclear(sender->result);
			sender->result = result;
		}
	}
	return NULL;
}

static HomeoSendResult
step_answer(HomeoSender *sender)
{
	PGresult   *result;
	HomeoSendResult outcome = HOMEO_SENT_NOTHING;
	bool		probing = sender->state == HOMEO_SEND_PROBING;
	int			unsent = PQflush(sender->connection);

	if (sender->unsent || unsent < 0 || !PQconsumeInput(sender->connection))
		return fail_connection(sender, "lost the connection to the database");
	sender->polling = POLLIN | (unsent > 0 ? POLLOUT : 0);
	result = take_answer(sender);
	if (result == NULL)
	{
		if (agent_ticks() - sender->started > sender->timeout)
			return fail(sender, "lost the connection to the database",
						"it does not answer");
		return HOMEO_SENT_NOTHING;
	}

	if (PQstatus(sender->connection) == CONNECTION_BAD)
		outcome = fail_connection(sender, "lost the connection to the database");
	else if (PQresultStatus(result) != PGRES_TUPLES_OK)
	{
		outcome = fail_statement(sender, result);
		/* Without an answer to the first question there is no second one. */
		if (probing)
		{
			agent_send_close(sender);
			outcome = HOMEO_SENT_NOTHING;
		}
	}
	else if (probing)
	{
		sender->compressed = PQntuples(result) == 1 &&
			strcmp(PQgetvalue(result, 0, 0), "t") == 0;
		sender->state = HOMEO_SEND_READY;
		sender->reached = true;
	}
	else
	{
		sender->refused = 0;
		for (int i = 0; i < PQntuples(result); i++)
			sender->refused += PQgetisnull(result, i, 0);
		sender->state = HOMEO_SEND_READY;
		note_success(sender);
		outcome = HOMEO_SENT_TAKEN;
	}
	PQclear(result);
	return outcome;
}

static bool
send_compressed(HomeoSender *sender, HomeoSpan json)
{
	static const Oid types[2] = {BYTEA_OID, TEXT_OID};
	static const int formats[2] = {1, 0};
	HomeoBuffer packed = {0};
	const char *values[2];
	int			lengths[2] = {0, 0};
	bool		sent;

	agent_gzip(json, &packed);
	values[0] = packed.data;
	values[1] = "gzip";
	lengths[0] = (int) packed.len;
	sent = PQsendQueryParams(sender->connection,
							 "select * from homeostasis.report_batch($1, $2)",
							 2, types, values, lengths, formats, 0) == 1;
	agent_buffer_free(&packed);
	return sent;
}

static bool
send_plain(HomeoSender *sender, HomeoSpan json)
{
	static const Oid types[1] = {TEXT_OID};
	const char *values[1] = {json.data};

	return PQsendQueryParams(sender->connection,
							 "select * from homeostasis.report_batch($1::jsonb)",
							 1, types, values, NULL, NULL, 0) == 1;
}

void
agent_send_start(HomeoSender *sender, HomeoSpan json)
{
	bool		sent = sender->compressed && json.len >= COMPRESS_FROM ?
	send_compressed(sender, json) : send_plain(sender, json);

	sender->started = agent_ticks();
	sender->state = HOMEO_SEND_BUSY;
	sender->polling = POLLIN | POLLOUT;
	/* The next step says so. */
	sender->unsent = !sent;
}

HomeoSendResult
agent_send_step(HomeoSender *sender)
{
	switch (sender->state)
	{
		case HOMEO_SEND_CLOSED:
			if (agent_ticks() >= sender->retry_at)
				connect_now(sender);
			return HOMEO_SENT_NOTHING;
		case HOMEO_SEND_CONNECTING:
			return step_connecting(sender);
		case HOMEO_SEND_PROBING:
		case HOMEO_SEND_BUSY:
			return step_answer(sender);
		default:
			return HOMEO_SENT_NOTHING;
	}
}

int
agent_send_socket(const HomeoSender *sender, short *events)
{
	if (sender->state == HOMEO_SEND_CLOSED ||
		sender->state == HOMEO_SEND_READY)
		return -1;
	*events = (short) sender->polling;
	return PQsocket(sender->connection);
}
