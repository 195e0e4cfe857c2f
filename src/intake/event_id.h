/*
 * event_id.h
 *		Ids for events whose reporter gave none.
 */
#ifndef HOMEO_EVENT_ID_H
#define HOMEO_EVENT_ID_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

extern void homeo_event_id_make(pg_uuid_t *id, TimestampTz received);

#endif							/* HOMEO_EVENT_ID_H */
