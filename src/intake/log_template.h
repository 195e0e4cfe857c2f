/*
 * log_template.h
 *		Which lines of logs are of one problem: templates that all processes
 *		share.
 */
#ifndef HOMEO_LOG_TEMPLATE_H
#define HOMEO_LOG_TEMPLATE_H

#include "base/slice.h"
#include "datatype/timestamp.h"
#include "text/fingerprint.h"
#include "text/log_line.h"
#include "wire/event.h"

/* What is kept about a template besides its text. */
typedef struct HomeoLogTemplate
{
	uint32		id;
	char		service[HOMEO_WIRE_SERVICE_LIMIT + 1];
	char		language[HOMEO_WIRE_LANGUAGE_LIMIT + 1];
	HomeoFingerprint fingerprint;	/* of all its lines: see
									 * homeo_fingerprint_line() */
	TimestampTz used;			/* the last time, a minute behind */
} HomeoLogTemplate;

/* A template as its table has it, or shall have it. */
typedef struct HomeoSavedTemplate
{
	HomeoLogTemplate of;
	bool		is_gone;
	bool		is_merged;		/* then it is gone, and its lines have: */
	HomeoFingerprint into;
	size_t		len;
	char		str[HOMEO_LOG_LINE_BYTES];	/* its text, unless it is gone */
} HomeoSavedTemplate;

/* What has happened since the server started, and how it is now. */
typedef struct HomeoLogTemplateStat
{
	uint64		learned;		/* templates */
	uint64		widened;		/* times that a template became wider */
	uint64		merged;			/* templates that became one with another */
	uint64		forgotten;		/* templates that made room */
	uint32		templates;
	uint32		capacity;
	uint32		unsaved;		/* templates */
} HomeoLogTemplateStat;

extern void homeo_log_template_init(void);

/* Whether there is shared memory for templates; without, there are none. */
extern bool homeo_log_template_possible(void);

/* Whether the templates are those of the table with this OID. */
extern bool homeo_log_template_loaded(Oid table);

/*
 * Loads the templates of a table, the one used least first; ids up to last_id
 * are not given again.  Does nothing if another process has done so meanwhile.
 */
extern void homeo_log_template_load(Oid table,
									const HomeoSavedTemplate *saved, int n,
									uint32 last_id);

/*
 * Sets *fingerprint to that of the template of a line of a service's log, which
 * is made, or made to fit, if there is none.
 */
extern void homeo_log_template_of(const char *service, const char *language,
								  HomeoSlice message,
								  HomeoFingerprint *fingerprint);

/*
 * Another number when a line that had a template may have another one, or a
 * template has another fingerprint.
 */
extern uint64 homeo_log_template_generation(void);

/*
 * Takes what is unsaved, at most so many, and returns how many; *unsaved is
 * palloc'd if there are any.  Whoever could not save them gives them back.
 */
extern bool homeo_log_template_any_unsaved(void);
extern int	homeo_log_template_take_unsaved(int most,
											HomeoSavedTemplate **unsaved);
extern void homeo_log_template_give_back(const HomeoSavedTemplate *unsaved,
										 int n);

extern void homeo_log_template_stat(HomeoLogTemplateStat *stat);

#endif							/* HOMEO_LOG_TEMPLATE_H */
