/*
 * event_text.h
 *		An event as its reporter writes it: JSON text.
 */
#ifndef HOMEO_EVENT_TEXT_H
#define HOMEO_EVENT_TEXT_H

#include "intake/event.h"

/* A longer text is no event, but something else that went astray. */
#define HOMEO_EVENT_TEXT_LIMIT	(16 * 1024 * 1024)

extern void homeo_event_text_read(HomeoText str, int encoding,
								  const char *place, HomeoEventOrigin origin,
								  HomeoEvent *event);

#endif							/* HOMEO_EVENT_TEXT_H */
