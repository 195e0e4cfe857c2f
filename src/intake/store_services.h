/*
 * store_services.h
 *		Finds the services of events, and makes those that are new.
 */
#ifndef HOMEO_STORE_SERVICES_H
#define HOMEO_STORE_SERVICES_H

#include "intake/row.h"

/*
 * Sets service_id of rows, which are in the order of homeo_row_compare.  Those
 * of a service that would be one too many are refused.
 */
extern void homeo_store_services(HomeoRow **rows, int nrows);

#endif							/* HOMEO_STORE_SERVICES_H */
