/*
 * json_scan.h
 *		Reads plain JSON from front to back.
 *
 * Needs nothing from the server.  Takes most JSON that programs write, but not
 * all that is valid: what would need more than a copy, \u escapes or numbers
 * with an exponent for instance, is left to a parser that knows everything.
 * So an answer of no means "ask another one", never "this is wrong".
 *
 * What is read is copied to room that the caller gives, for which
 * HOMEO_JSON_SCAN_ROOM() is enough.  No memory of its own.
 */
#ifndef HOMEO_JSON_SCAN_H
#define HOMEO_JSON_SCAN_H

#include "base/slice.h"

/* A blank is added behind each comma and colon; other bytes stay one. */
#define HOMEO_JSON_SCAN_ROOM(len)	(2 * (len))

typedef struct HomeoJsonScan
{
	const char *at;
	const char *end;
	char	   *out;			/* room for what is read next */
} HomeoJsonScan;

/* Reads text, valid in its encoding, into room, both of which stay as they are. */
extern void homeo_json_scan_init(HomeoJsonScan *scan, HomeoSlice text,
								 char *room);

/* Consumes the character, behind white space, if it stands there. */
extern bool homeo_json_scan_take(HomeoJsonScan *scan, char c);

/* Consumes null, in the same way. */
extern bool homeo_json_scan_null(HomeoJsonScan *scan);

/* Whether nothing but white space is left. */
extern bool homeo_json_scan_end(HomeoJsonScan *scan);

/*
 * Reads a string: *value is what it stands for, which is in the text or in the
 * room.  It has no terminator; data is not NULL if it is empty.
 */
extern bool homeo_json_scan_string(HomeoJsonScan *scan, HomeoSlice *value);

/*
 * Reads an array of strings: *value is a line for each.  Empty ones in front of
 * the first that is not are left out.
 */
extern bool homeo_json_scan_lines(HomeoJsonScan *scan, HomeoSlice *value);

/*
 * Reads an object as PostgreSQL prints a jsonb, but with its keys as they
 * are: in their order, and all of them.  Not one whose levels are more than
 * depth, itself included.
 */
extern bool homeo_json_scan_object(HomeoJsonScan *scan, int depth,
								   HomeoSlice *value);

#endif							/* HOMEO_JSON_SCAN_H */
