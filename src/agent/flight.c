/*
 * flight.c
 *		The batch that is on its way to the database.
 */
#include "agent/flight.h"

#include "agent/json.h"
#include "agent/say.h"

static void
begin(HomeoFlight *flight)
{
	flight->under_way = true;
	flight->first = 0;
	flight->part = flight->batch.events;
	flight->ascii = false;
	flight->since = agent_ticks();
}

void
agent_flight_begin(HomeoFlight *flight, HomeoBatch *batch)
{
	HomeoBatch	empty = flight->batch;

	(void) agent_batch_close(batch);
	flight->batch = *batch;
	*batch = empty;
	flight->spooled = false;
	begin(flight);
}

bool
agent_flight_begin_spooled(HomeoFlight *flight, HomeoSpool *spool)
{
	flight->batch.events = agent_spool_first(spool, &flight->batch.json);
	if (flight->batch.events == 0)
		return false;
	flight->spooled = true;
	begin(flight);
	return true;
}

static void
send_part(HomeoFlight *flight, HomeoSender *sender)
{
	HomeoBuffer part = {0};
	HomeoSpan	json = agent_buffer_span(&flight->batch.json);

	if (flight->part == flight->batch.events && !flight->ascii)
	{
		agent_send_start(sender, json);
		return;
	}
	agent_batch_part(json, flight->first, flight->first + flight->part, &part);
	agent_buffer_clear(&flight->sending);
	if (flight->ascii)
	{
		agent_json_to_ascii(&flight->sending, agent_buffer_span(&part));
		agent_buffer_free(&part);
	}
	else
	{
		agent_buffer_free(&flight->sending);
		flight->sending = part;
	}
	agent_send_start(sender, agent_buffer_span(&flight->sending));
}

/* The part is done, one way or the other; true: so is the batch. */
static bool
advance(HomeoFlight *flight, HomeoSpool *spool)
{
	flight->first += flight->part;
	/* The worst is behind: more at once again. */
	if (!flight->ascii)
		flight->part *= 2;
	flight->ascii = false;
	if (flight->first < flight->batch.events)
	{
		if (flight->part > flight->batch.events - flight->first)
			flight->part = flight->batch.events - flight->first;
		return false;
	}
	if (flight->spooled)
		agent_spool_remove_first(spool);
	agent_batch_take(&flight->batch);
	flight->under_way = false;
	return true;
}

/* Halves what is sent; an event that nothing helps is dropped, and said. */
static bool
retry_smaller(HomeoFlight *flight, const HomeoSender *sender,
			  HomeoSpool *spool)
{
	if (flight->part > 1)
	{
		flight->part = (flight->part + 1) / 2;
		return false;
	}
	if (!flight->ascii)
	{
		flight->ascii = true;
		return false;
	}
	flight->dropped++;
	agent_warn("the database refuses an event, which is dropped: %s",
			   sender->problem);
	return advance(flight, spool);
}

bool
agent_flight_step(HomeoFlight *flight, HomeoSender *sender, HomeoSpool *spool)
{
	HomeoSendResult result = agent_send_step(sender);

	if (!flight->under_way)
		return false;
	switch (result)
	{
		case HOMEO_SENT_TAKEN:
			flight->reported += flight->part - sender->refused;
			flight->refused += sender->refused;
			if (sender->refused > 0)
				agent_warn("the database refused %d of %d events: see homeostasis.rejected_events",
						   sender->refused, flight->part);
			return advance(flight, spool);
		case HOMEO_SENT_REFUSED:
			return retry_smaller(flight, sender, spool);
		default:
			break;
	}
	if (agent_send_ready(sender))
		send_part(flight, sender);
	return false;
}

HomeoSpoolResult
agent_flight_park(HomeoFlight *flight, HomeoSpool *spool)
{
	HomeoSpoolResult result;

	result = agent_spool_add(spool, agent_buffer_span(&flight->batch.json),
							 flight->batch.events);
	if (result != HOMEO_SPOOL_DONE)
		return result;
	agent_batch_take(&flight->batch);
	flight->under_way = false;
	return HOMEO_SPOOL_DONE;
}
