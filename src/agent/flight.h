/*
 * flight.h
 *		The batch that is on its way to the database.
 */
#ifndef HOMEO_AGENT_FLIGHT_H
#define HOMEO_AGENT_FLIGHT_H

#include "agent/batch.h"
#include "agent/send.h"
#include "agent/spool.h"

/*
 * A batch that the database refuses as a whole is sent again in parts, down
 * to single events, so that one that cannot be stored doesn't hold up others.
 */
typedef struct HomeoFlight
{
	bool		under_way;
	bool		spooled;		/* it is the first batch of the spool */
	HomeoBatch	batch;			/* without marks if it is spooled */
	int			first;			/* events before it are done */
	int			part;			/* events to send at once */
	bool		ascii;			/* send no other characters */
	HomeoBuffer sending;		/* what is being sent, if it is a part */
	int64_t		since;			/* ticks */

	/* Counted over the run. */
	int64_t		reported;
	int64_t		refused;		/* in rejected_events */
	int64_t		dropped;		/* the database took them in no form */
} HomeoFlight;

/* Takes over a batch of events, or the spool's first one. */
extern void agent_flight_begin(HomeoFlight *flight, HomeoBatch *batch);
extern bool agent_flight_begin_spooled(HomeoFlight *flight, HomeoSpool *spool);

/* Does what can be done now; true: the batch has arrived. */
extern bool agent_flight_step(HomeoFlight *flight, HomeoSender *sender,
							  HomeoSpool *spool);

/* Puts the batch behind those in the spool; true: it is in the spool. */
extern HomeoSpoolResult agent_flight_park(HomeoFlight *flight,
										  HomeoSpool *spool);

#endif							/* HOMEO_AGENT_FLIGHT_H */
