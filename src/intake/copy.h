/*
 * copy.h
 *		Triggers of the view homeostasis.intake, into which events are copied.
 *
 * SQL is their only caller.
 */
#ifndef HOMEO_COPY_H
#define HOMEO_COPY_H

#endif							/* HOMEO_COPY_H */
