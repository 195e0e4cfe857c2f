/*
 * send.h
 *		The connection to the database, and one batch at a time on it.
 *
 * Nothing here waits: agent_send_step() does what can be done now.
 */
#ifndef HOMEO_AGENT_SEND_H
#define HOMEO_AGENT_SEND_H

#include <stdint.h>

#include "agent/buffer.h"

typedef enum HomeoSendState
{
	HOMEO_SEND_CLOSED,			/* until retry_at */
	HOMEO_SEND_CONNECTING,
	HOMEO_SEND_PROBING,			/* what the database can do */
	HOMEO_SEND_READY,			/* not before retry_at */
	HOMEO_SEND_BUSY
} HomeoSendState;

typedef enum HomeoSendResult
{
	HOMEO_SENT_NOTHING,			/* nothing has happened yet */
	HOMEO_SENT_TAKEN,
	HOMEO_SENT_RETRY,			/* the same again, later */
	HOMEO_SENT_REFUSED			/* the database will never take it */
} HomeoSendResult;

typedef struct HomeoSender
{
	const char *conninfo;
	int64_t		timeout;		/* microseconds, for an answer */
	HomeoSendState state;
	struct pg_conn *connection;
	struct pg_result *result;	/* of an answer that has not ended */
	bool		unsent;			/* the batch could not even be sent */
	bool		compressed;		/* the database takes compressed batches */
	bool		reached;		/* it was connected once */
	bool		away_said;
	int			polling;		/* what libpq waits for: POLLIN, POLLOUT */
	int64_t		retry_at;		/* ticks */
	int64_t		started;		/* ticks, of what is under way */
	int			failures;		/* one after the other */
	int			refused;		/* events of the batch that was taken last */
	char		problem[500];	/* why the last attempt failed */
	char		said[500];		/* the one that was said last */
} HomeoSender;

/* Can the connection string be understood?  If not, problem says why. */
extern bool agent_send_check(const char *conninfo, char *problem, size_t size);
extern void agent_send_open(HomeoSender *sender, const char *conninfo,
							int64_t timeout);
extern void agent_send_close(HomeoSender *sender);

/* Can a batch be sent now? */
extern bool agent_send_ready(const HomeoSender *sender);

/* Begins to send a batch, an array of events. */
extern void agent_send_start(HomeoSender *sender, HomeoSpan json);

/* Goes on with what is under way. */
extern HomeoSendResult agent_send_step(HomeoSender *sender);

/* What to wait for; -1: no socket. */
extern int	agent_send_socket(const HomeoSender *sender, short *events);

#endif							/* HOMEO_AGENT_SEND_H */
