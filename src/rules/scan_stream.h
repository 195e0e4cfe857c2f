/*
 * scan_stream.h
 *		What the server and homeostasis-compile say to each other.
 *
 * The server writes a HomeoScanRequest for each source, and behind each its text
 * and a terminator, until the end of the input.  The answer is a
 * HomeoScanGreeting, then a HomeoScanAnswer for each database, behind it the
 * numbers of its sources and its bytes, and at last one that has no sources,
 * without which the answer is not complete.  Both run on the same machine.
 */
#ifndef HOMEO_SCAN_STREAM_H
#define HOMEO_SCAN_STREAM_H

#include <stdint.h>

/* In the server's directory of libraries. */
#define HOMEO_SCAN_PROGRAM	"homeostasis-compile"

typedef struct HomeoScanRequest
{
	uint32_t	len;
	int32_t		unrolled;		/* see HomeoScanSource */
	int32_t		foreign;		/* 0 or 1 */
} HomeoScanRequest;

typedef struct HomeoScanGreeting
{
	char		version[64];	/* hs_version() there */
} HomeoScanGreeting;

typedef struct HomeoScanAnswer
{
	uint32_t	n;				/* sources; 0: the end */
	uint32_t	reserved;		/* 0 */
	uint64_t	len;			/* bytes of the database */
} HomeoScanAnswer;

#endif							/* HOMEO_SCAN_STREAM_H */
