/*
 * advance.h
 *		The healer's work in a session: SQL calls it, nothing in C does.
 */
#ifndef HOMEO_ADVANCE_H
#define HOMEO_ADVANCE_H

#endif							/* HOMEO_ADVANCE_H */
