/*
 * ruleset.h
 *		The enabled rules of homeostasis.rules, ready to be matched.
 */
#ifndef HOMEO_RULESET_H
#define HOMEO_RULESET_H

#include "base/slice.h"
#include "rules/match.h"
#include "rules/pattern.h"
#include "rules/stat.h"
#include "utils/hsearch.h"

/* Conditions that ask for one value, most selective first. */
typedef enum HomeoExact
{
	HOMEO_EXACT_CONSTRAINT,
	HOMEO_EXACT_TABLE,
	HOMEO_EXACT_COLUMN,
	HOMEO_EXACT_DATATYPE,
	HOMEO_EXACT_SCHEMA,
	HOMEO_EXACT_ERROR_TYPE,
	HOMEO_EXACT_LANGUAGE,
	HOMEO_EXACT_COUNT
} HomeoExact;

/* Texts that patterns test, in the order in which they are tried. */
typedef enum HomeoPatternKind
{
	HOMEO_PATTERN_MESSAGE,
	HOMEO_PATTERN_DETAIL,
	HOMEO_PATTERN_CONTEXT,
	HOMEO_PATTERN_STATEMENT,
	HOMEO_PATTERN_COUNT
} HomeoPatternKind;

/* Columns of homeostasis.rules. */
extern const char *const homeo_ruleset_exact_columns[HOMEO_EXACT_COUNT];
extern const char *const homeo_ruleset_pattern_columns[HOMEO_PATTERN_COUNT];

typedef struct HomeoRule
{
	char	   *id;
	int			rank;			/* index in the ruleset */
	int			specificity;
	double		confidence;
	int			priority;
	char	   *root_cause;
	char	   *suggestion;
	char	   *template_name;	/* NULL: none */
	HomeoSlice	exact[HOMEO_EXACT_COUNT];	/* data NULL: any */
	char	  **sqlstates;
	int			nsqlstates;		/* 0: any */
	HomeoPattern *patterns[HOMEO_PATTERN_COUNT];	/* NULL: any text */
	bool		scanned;		/* the scan is to find it, not the index */
	bool		counted;		/* counters was asked for */
	HomeoRuleCounters *counters;	/* NULL: none */
} HomeoRule;

typedef struct HomeoRuleset
{
	int			nrules;
	HomeoRule **rules;			/* in the order in which they win */
	uint64	   *candidates;		/* match.c's scratch: a bit per rule */
	int			nwords;
	HTAB	   *conditions;		/* ruleset.c's */
} HomeoRuleset;

typedef void (*HomeoRuleVisit) (HomeoRule *rule, void *arg);

extern HomeoRuleset *homeo_ruleset_current(void);
extern void homeo_ruleset_find(const HomeoRuleset *ruleset,
							   const HomeoMatchInput *input,
							   HomeoRuleVisit visit, void *arg);
extern HomeoSlice homeo_ruleset_exact_value(const HomeoMatchInput *input,
											HomeoExact condition);
extern HomeoSlice homeo_ruleset_text(const HomeoMatchInput *input,
									 HomeoPatternKind kind);

#endif							/* HOMEO_RULESET_H */
