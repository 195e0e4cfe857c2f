/*
 * watch.h
 *		Which files hold which streams: finds new ones, and those that moved.
 */
#ifndef HOMEO_AGENT_WATCH_H
#define HOMEO_AGENT_WATCH_H

#include "agent/stream.h"

/* A file that is a copy of a stream that is being read from another one. */
typedef struct HomeoCopy
{
	uint64_t	device;
	uint64_t	inode;
	int64_t		size;			/* when it was compared */
	HomeoStream *stream;
	struct HomeoCopy *next;
} HomeoCopy;

typedef struct HomeoWatch
{
	/* Set by the caller. */
	char	  **patterns;
	int			npatterns;
	const HomeoFormat *format;	/* NULL: each file's own */
	bool		from_end;		/* of the files that are there at first */
	bool		once;			/* what is not there now never will be */
	int64_t		rotate_wait;	/* microseconds */
	HomeoStream *streams;

	/* Read by the caller. */
	bool		changed;		/* the state is worth saving */
	int64_t		lost_bytes;

	/* Its own. */
	bool		scanned;
	HomeoCopy  *copies;
	struct HomeoRefusal *refusals;	/* paths that were complained of */
} HomeoWatch;

/* Looks at all files; call it a few times a second. */
extern void agent_watch_scan(HomeoWatch *watch);

/* To be called when a stream's last record is past, and no more can come. */
extern void agent_watch_end(HomeoWatch *watch, HomeoStream *stream);

#endif							/* HOMEO_AGENT_WATCH_H */
