/*
 * retry.h
 *		Events that their reporter sends again.
 */
#ifndef HOMEO_RETRY_H
#define HOMEO_RETRY_H

#include "intake/row.h"

extern bool homeo_retry_drop(HomeoRow **rows, int *nrows);
extern void homeo_retry_remember(HomeoRow **rows, int nrows);

#endif							/* HOMEO_RETRY_H */
