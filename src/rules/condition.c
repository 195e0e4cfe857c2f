/*
 * condition.c
 *		When an event has the value that a rule asks for.
 *
 * Nearly always when it is the same.  But some reporters give a type of error
 * with the package that it is from, java.lang.NullPointerException, and others
 * without, so the name alone will do; and what is said of a language holds for
 * those that run on it.
 *
 * Needs nothing but its arguments.
 */
#include "postgres.h"

#include "rules/condition.h"

#include "base/ascii.h"

/* Languages, and those whose errors theirs are as well. */
static const struct
{
	const char *language;
	const char *base;
}			bases[] =

{
	{"typescript", "javascript"}, {"kotlin", "java"}, {"scala", "java"},
	{"groovy", "java"}, {"clojure", "java"}, {"cpp", "c"}, {"c++", "c"},
	{"fsharp", "csharp"}, {"vb", "csharp"}
};

/* What stands between a package and a name. */
#define SEPARATORS	".:\\/$"

static const HomeoSlice none = {NULL, 0};

static HomeoSlice
base_language(HomeoSlice language)
{
	for (int i = 0; i < lengthof(bases); i++)
	{
		if (homeo_ascii_equals(language.data, language.len, bases[i].language))
			return homeo_slice(bases[i].base, strlen(bases[i].base));
	}
	return none;
}

static HomeoSlice
name_without_package(HomeoSlice type)
{
	for (size_t i = type.len; i > 0; i--)
	{
		if (homeo_ascii_is_one_of(type.data[i - 1], SEPARATORS))
			return homeo_slice(type.data + i, type.len - i);
	}
	return none;
}

HomeoSlice
homeo_condition_wider(HomeoExact condition, HomeoSlice value)
{
	if (value.data != NULL && condition == HOMEO_EXACT_LANGUAGE)
		return base_language(value);
	if (value.data != NULL && condition == HOMEO_EXACT_ERROR_TYPE)
		return name_without_package(value);
	return none;
}

bool
homeo_condition_holds(HomeoExact condition, HomeoSlice wanted,
					  HomeoSlice value)
{
	while (value.data != NULL)
	{
		if (homeo_slice_equals(value, wanted))
			return true;
		value = homeo_condition_wider(condition, value);
	}
	return false;
}
