/*
 * row.h
 *		A prepared event on its way into a row, and the orders of rows.
 */
#ifndef HOMEO_ROW_H
#define HOMEO_ROW_H

#include "intake/prepare.h"

/* What keeps an event from being stored whole: see flood.c. */
typedef enum HomeoLimit
{
	HOMEO_LIMIT_NONE,
	HOMEO_LIMIT_ISSUE,			/* homeostasis.payloads_per_issue_per_minute */
	HOMEO_LIMIT_SERVICE			/* the quota of its service */
} HomeoLimit;

typedef struct HomeoRow
{
	HomeoPrepared prepared;
	int64		service_id;		/* 0 if refused because of its service */
	int64		issue_id;		/* 0 before it is known */
	bool		is_new;			/* the issue: it has to be made */
	int			quota;			/* of its service, a minute; 0: none */
	bool		stored;			/* now, and not before */
	HomeoLimit	limit;			/* keeps it from being stored whole */
	int			occurrences;	/* what it adds to the counts: itself, and
								 * those it stands for; 0: nothing */
	struct HomeoRow *carrier;	/* that stands for it; NULL: none */
	HomeoEvent *into;			/* the stored row that it is added to; NULL:
								 * none */
	const char *refusal;		/* the limit that keeps it out, or NULL */
	const char *refused_field;	/* at fault; if there is a refusal */
} HomeoRow;

/* Keeps the row out: reason and the field at fault, or NULL, live as long. */
extern void homeo_row_refuse(HomeoRow *row, const char *field,
							 const char *reason);

/*
 * Orders for qsort() of pointers to rows: by what is locked, which is issues'
 * fingerprints, then events; by the primary key of errors; by problem, minute
 * and release, then by time.
 */
extern int	homeo_row_compare(const void *a, const void *b);
extern int	homeo_row_compare_key(const void *a, const void *b);
extern int	homeo_row_compare_group(const void *a, const void *b);

/* The last of these without the problem; and of two numbers. */
extern int	homeo_row_compare_minute(const HomeoRow *x, const HomeoRow *y);
extern int	homeo_row_compare_int64(int64 a, int64 b);

/* The start of a minute, and of that in which a row's event happened. */
extern TimestampTz homeo_minute_of(TimestampTz timestamp);
extern TimestampTz homeo_row_minute(const HomeoRow *row);

/* Have both the same service and fingerprint?  The same minute and release? */
extern bool homeo_row_same_problem(const HomeoRow *a, const HomeoRow *b);
extern bool homeo_row_same_minute(const HomeoRow *a, const HomeoRow *b);

/* The end of the run of rows that begins at start and are the same. */
extern int	homeo_row_run_end(HomeoRow **rows, int nrows, int start,
							  bool (*same) (const HomeoRow *,
											const HomeoRow *));

/* A text as a value of a column. */
extern void homeo_row_put_text(Datum *value, bool *isnull, const HomeoText *from);

#endif							/* HOMEO_ROW_H */
