/*
 * store_stacks.h
 *		Stores the stacks of events, each once.
 */
#ifndef HOMEO_STORE_STACKS_H
#define HOMEO_STORE_STACKS_H

#include "intake/row.h"

/* Stores those stacks of rows that are not there. */
extern void homeo_store_stacks(HomeoRow **rows, int nrows);

#endif							/* HOMEO_STORE_STACKS_H */
