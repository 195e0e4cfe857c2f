/*
 * match.h
 *		Finds the rules that an event satisfies, and the one that says most.
 */
#ifndef HOMEO_MATCH_H
#define HOMEO_MATCH_H

#include "utils/jsonb.h"

/* What rules can see of an event; text in the database's encoding. */
typedef struct HomeoMatchInput
{
	HomeoText	language;
	HomeoText	error_type;
	HomeoText	sqlstate;
	HomeoText	message;
	HomeoText	detail;
	HomeoText	context;
	HomeoText	statement;
	HomeoText	schema_name;
	HomeoText	table_name;
	HomeoText	column_name;
	HomeoText	constraint_name;
	HomeoText	datatype_name;
} HomeoMatchInput;

typedef struct HomeoDiagnosis
{
	char	   *rule_id;
	double		confidence;
	char	   *root_cause;
	char	   *suggestion;
	char	   *template_name;	/* NULL: advice only */
	Jsonb	   *captures;		/* object; never NULL */
} HomeoDiagnosis;

/*
 * The best rule for the input, or NULL.  Needs a transaction and SPI or a
 * snapshot, because it may have to read homeostasis.rules.  The result is
 * allocated in CurrentMemoryContext.
 */
extern HomeoDiagnosis *homeo_match_best(const HomeoMatchInput *input);

#endif							/* HOMEO_MATCH_H */
