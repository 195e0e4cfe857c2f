/*
 * kept.h
 *		How far the journal is stored, for when the tables that know it are
 *		dropped.
 */
#ifndef HOMEO_KEPT_H
#define HOMEO_KEPT_H

#include "intake/journal_read.h"

extern void homeo_kept_init(void);

/* Raises the positions in past to those that were kept of an epoch. */
extern void homeo_kept_add(uint64 epoch, HomeoJournalPast *past);

#endif							/* HOMEO_KEPT_H */
