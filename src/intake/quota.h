/*
 * quota.h
 *		How many events of a service were stored whole in a minute.
 */
#ifndef HOMEO_QUOTA_H
#define HOMEO_QUOTA_H

#include "datatype/timestamp.h"

extern void homeo_quota_init(void);

/*
 * Whether another event of the service may be stored whole, which is counted
 * then: it was received in minute, and quota of them may be.
 */
extern bool homeo_quota_take(int64 service_id, TimestampTz minute, int quota);

#endif							/* HOMEO_QUOTA_H */
