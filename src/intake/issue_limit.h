/*
 * issue_limit.h
 *		Refuses events whose issue would be one too many for its service.
 */
#ifndef HOMEO_ISSUE_LIMIT_H
#define HOMEO_ISSUE_LIMIT_H

#include "intake/row.h"

/*
 * Refuses those of rows, which are in the order of homeo_row_compare and have
 * their service.
 */
extern void homeo_issue_limit_apply(HomeoRow **rows, int nrows);

#endif							/* HOMEO_ISSUE_LIMIT_H */
