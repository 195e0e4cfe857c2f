/*
 * condition.c
 *		When an event has the value that a rule asks for.
 *
 * Nearly always when it is the same.  But some reporters give a type of error
 * with the package that it is from, java.lang.NullPointerException, and others
 * without, so the name alone will do; and what is said of a language holds for
 * those that run on it.  Of frameworks and platforms reporters give the version
 * together with the name, Django/4.2, and write them as they like.
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

/* Does a version begin here, behind a name? */
static bool
is_version(const char *p, const char *end)
{
	if (p < end && (*p == 'v' || *p == 'V'))
		p++;
	return p < end && homeo_ascii_is_digit(*p);
}

HomeoSlice
homeo_condition_value(HomeoExact condition, HomeoSlice given)
{
	const char *end;
	char	   *name;
	size_t		len = 0;

	if (given.data == NULL || (condition != HOMEO_EXACT_FRAMEWORK &&
							   condition != HOMEO_EXACT_PLATFORM))
		return given;
	end = given.data + given.len;
	name = palloc(given.len + 1);
	for (const char *p = given.data; p < end; p++)
	{
		if (homeo_ascii_is_one_of(*p, "/@=:(,") ||
			(homeo_ascii_is_one_of(*p, " -") && is_version(p + 1, end)))
			break;
		if (len > 0 || !homeo_ascii_is_space(*p))
			name[len++] = homeo_ascii_lower(*p);
	}
	while (len > 0 && homeo_ascii_is_space(name[len - 1]))
		len--;
	return len > 0 ? homeo_slice(name, len) : none;
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
