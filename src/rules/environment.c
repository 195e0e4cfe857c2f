/*
 * environment.c
 *		What an event's environment says that rules can ask for.
 *
 * Called when an event is matched.  Everything is allocated in
 * CurrentMemoryContext.
 */
#include "postgres.h"

#include "rules/environment.h"

#include "fmgr.h"
#include "rules/condition.h"
#include "utils/fmgrprotos.h"

/* What a rule compares with the text of a key; data NULL: there is none. */
static HomeoSlice
value_of(Jsonb *environment, const char *key, HomeoExact condition)
{
	HomeoSlice	none = {NULL, 0};
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(environment) ||
		getKeyJsonValueFromContainer(&environment->root, key,
									 (int) strlen(key), &value) == NULL ||
		value.type != jbvString)
		return none;
	return homeo_condition_value(condition,
								 homeo_slice(value.val.string.val,
											 value.val.string.len));
}

void
homeo_environment_read(HomeoSlice environment, HomeoMatchInput *input)
{
	Jsonb	   *json;

	input->framework = homeo_slice(NULL, 0);
	input->platform = homeo_slice(NULL, 0);
	if (environment.data == NULL)
		return;
	json = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
											  CStringGetDatum(pnstrdup(environment.data,
																	   environment.len))));
	input->framework = value_of(json, "framework", HOMEO_EXACT_FRAMEWORK);
	input->platform = value_of(json, "platform", HOMEO_EXACT_PLATFORM);
}
