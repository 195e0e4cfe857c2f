/*
 * compact.h
 *		Copies the rows of a partition of homeostasis.errors, in order.
 *
 * SQL is its only caller.
 */
#ifndef HOMEO_COMPACT_H
#define HOMEO_COMPACT_H

#endif							/* HOMEO_COMPACT_H */
