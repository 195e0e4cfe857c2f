/*
 * environment.c
 *		What the environment of an event names.
 *
 * match.c calls it, and only where rules ask for a framework or a platform: it
 * has to parse JSON.  Raises no error for what an event can have: its
 * environment was found to be JSON when it came.
 */
#include "postgres.h"

#include "rules/environment.h"

#include "lib/stringinfo.h"
#include "rules/condition.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

/* Names beyond so many bytes are passed over. */
#define MAX_NAMES_BYTES		1024

/* Adds a name, as it is compared, as a line. */
static void
add_name(StringInfo names, HomeoExact condition, const JsonbValue *value)
{
	HomeoSlice	name;

	if (value->type != jbvString)
		return;
	name = homeo_condition_value(condition,
								 homeo_slice(value->val.string.val,
											 value->val.string.len));
	if (name.len == 0 || names->len + name.len > MAX_NAMES_BYTES)
		return;
	if (names->len > 0)
		appendStringInfoChar(names, '\n');
	appendBinaryStringInfo(names, name.data, (int) name.len);
}

/* Adds what a key has: a text, or the texts of an array. */
static void
add_names(StringInfo names, HomeoExact condition, Jsonb *environment,
		  const char *key)
{
	JsonbValue	element;
	JsonbValue *value = getKeyJsonValueFromContainer(&environment->root, key,
													 (int) strlen(key), NULL);
	JsonbIterator *iterator;
	JsonbIteratorToken token;

	if (value == NULL)
		return;
	add_name(names, condition, value);
	if (value->type != jbvBinary ||
		!JsonContainerIsArray(value->val.binary.data))
		return;
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM)
			add_name(names, condition, &element);
	}
}

/* The names under the key that is the condition's column, and under several. */
static HomeoSlice
names_under(HomeoExact condition, Jsonb *environment, const char *several)
{
	StringInfoData names;

	initStringInfo(&names);
	add_names(&names, condition, environment,
			  homeo_rule_exact_columns[condition]);
	add_names(&names, condition, environment, several);
	return homeo_slice(names.len > 0 ? names.data : NULL, names.len);
}

void
homeo_environment_read(HomeoSlice environment, HomeoSlice *frameworks,
					   HomeoSlice *platforms)
{
	Jsonb	   *object;

	if (environment.data == NULL)
		return;
	object = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
												CStringGetDatum(pnstrdup(environment.data,
																		 environment.len))));
	if (!JB_ROOT_IS_OBJECT(object))
		return;
	if (frameworks != NULL)
		*frameworks = names_under(HOMEO_EXACT_FRAMEWORK, object, "frameworks");
	if (platforms != NULL)
		*platforms = names_under(HOMEO_EXACT_PLATFORM, object, "platforms");
}
