/*
 * prepare.h
 *		Everything about an event that is known before a table is touched.
 */
#ifndef HOMEO_PREPARE_H
#define HOMEO_PREPARE_H

#include "intake/event.h"

/* Where an event that names no service goes. */
#define HOMEO_DEFAULT_SERVICE	"default"

typedef struct HomeoPrepared
{
	HomeoEvent *event;			/* its texts become what is stored of them */
	bool		excluded;		/* by homeostasis.capture_*: not stored */
	bool		of_database;	/* the service is a database, named so */
	bool		of_extension;	/* the service is Homeostasis itself */
	char	   *service;		/* name of the service or of its database */
	char	   *error_type;
	char	   *language;
	bool		is_line;		/* of a log: grouped by its template */
	pg_uuid_t	fingerprint;
	bool		has_stack;
	pg_uuid_t	stack_hash;		/* if has_stack */
	MemoryContext context;		/* of what is allocated for it */
	uint32		scrubbed;		/* bit per HomeoEventField */
} HomeoPrepared;

extern void homeo_prepare(HomeoEvent *event, HomeoPrepared *prepared);

/* Again, when a line of a log may have got another template since. */
extern void homeo_prepare_renew(HomeoPrepared *prepared);

extern void homeo_prepare_texts(HomeoPrepared *prepared);
extern char *homeo_prepare_stack(HomeoPrepared *prepared);
extern void homeo_prepare_complete(HomeoPrepared *prepared);

/* Of an event on its way to the disk, only this; copies are palloc'd. */
extern void homeo_prepare_scrub(HomeoEvent *event);

/* A message's first line, cut to what fits a title; palloc'd. */
extern char *homeo_prepare_title(const HomeoPrepared *prepared);

#endif							/* HOMEO_PREPARE_H */
