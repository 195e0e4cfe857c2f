/*
 * rule.h
 *		A row of homeostasis.rules, as far as matching needs it.
 */
#ifndef HOMEO_RULE_H
#define HOMEO_RULE_H

#include "base/slice.h"
#include "nodes/pg_list.h"
#include "rules/match.h"
#include "utils/snapshot.h"

/* Longer patterns are refused when a rule is written. */
#define HOMEO_PATTERN_MAX_BYTES		8192

/* Conditions that ask for one value, most selective first. */
typedef enum HomeoExact
{
	HOMEO_EXACT_CONSTRAINT,
	HOMEO_EXACT_TABLE,
	HOMEO_EXACT_COLUMN,
	HOMEO_EXACT_DATATYPE,
	HOMEO_EXACT_SCHEMA,
	HOMEO_EXACT_ERROR_TYPE,
	HOMEO_EXACT_SERVICE,
	HOMEO_EXACT_FRAMEWORK,
	HOMEO_EXACT_LANGUAGE,
	HOMEO_EXACT_PLATFORM,
	HOMEO_EXACT_COUNT
} HomeoExact;

/* Texts that patterns test, in the order in which they are tried. */
typedef enum HomeoPatternKind
{
	HOMEO_PATTERN_MESSAGE,
	HOMEO_PATTERN_TEXT,			/* type and message, as they are printed */
	HOMEO_PATTERN_DETAIL,
	HOMEO_PATTERN_CONTEXT,
	HOMEO_PATTERN_STATEMENT,
	HOMEO_PATTERN_FRAME,		/* a line of the stack trace */
	HOMEO_PATTERN_COUNT
} HomeoPatternKind;

/*
 * A rule is found by the first pattern that it has of these kinds: those before
 * this one.
 */
#define HOMEO_PATTERN_LEADS		(HOMEO_PATTERN_TEXT + 1)

/* Columns of homeostasis.rules. */
extern const char *const homeo_rule_exact_columns[HOMEO_EXACT_COUNT];
extern const char *const homeo_rule_pattern_columns[HOMEO_PATTERN_COUNT];

typedef struct HomeoRule
{
	int64		revision;		/* another one whenever the row is written */
	char	   *id;
	double		confidence;
	int			priority;
	char	   *root_cause;
	char	   *suggestion;
	char	   *template_name;	/* NULL: none */
	HomeoSlice	exact[HOMEO_EXACT_COUNT];	/* data NULL: any */
	char	  **sqlstates;
	int			nsqlstates;		/* 0: any */
	HomeoSlice	patterns[HOMEO_PATTERN_COUNT];	/* UTF-8; data NULL: any text */
} HomeoRule;

/*
 * The enabled rules, or, unless revisions is NULL, those of them that have
 * one of so many revisions: *rules becomes an array in CurrentMemoryContext.
 * Returns how many.
 */
extern int	homeo_rule_read(Snapshot snapshot, const int64 *revisions,
							int nrevisions, HomeoRule **rules);

/* The revisions of all enabled rules, in the same way. */
extern int	homeo_rule_read_revisions(Snapshot snapshot, int64 **revisions);

/* What the input has where a condition or a pattern looks; data NULL: nothing. */
extern HomeoSlice homeo_rule_exact_value(const HomeoMatchInput *input,
										 HomeoExact condition);
extern HomeoSlice homeo_rule_text(const HomeoMatchInput *input,
								  HomeoPatternKind kind);

/*
 * An error as its software prints it, "type: message": an argument itself, or
 * palloc'd in CurrentMemoryContext.  data NULL when there is neither.
 */
extern HomeoSlice homeo_rule_printed(HomeoSlice error_type, HomeoSlice message);

#endif							/* HOMEO_RULE_H */
