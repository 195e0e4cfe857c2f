/*
 * template.h
 *		Turns a diagnosis into the SQL of a patch, by a template's query.
 */
#ifndef HOMEO_TEMPLATE_H
#define HOMEO_TEMPLATE_H

#include "base/json.h"

/*
 * payload: {"event", "captures", "template": {"name", "plan", "explain"},
 * "origin", "truncated"}.  Returns the result of a plan job.  Needs a
 * transaction, which must be rolled back afterwards.
 */
extern Jsonb *homeo_template_plan(Jsonb *payload);

#endif							/* HOMEO_TEMPLATE_H */
