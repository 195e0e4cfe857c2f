/*
 * condition.c
 *		When an event has the value that a rule asks for.
 *
 * Nearly always when it is the same.  But some reporters give a type of error
 * with the package that it is from, java.lang.NullPointerException, and others
 * without, so the name alone will do; and what is said of a language holds for
 * those that run on it.
 * An event may name several frameworks or platforms, in small letters, one a
 * line (environment.c), each with or without its version.
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

/* What may stand between a name and its version: "django 4.2", "rails/v7". */
#define VERSION_SEPARATORS	" /@=:,-("

/*
 * The length of the name alone, of one with a version, and where that begins; 0:
 * it has none.
 */
static size_t
find_version(HomeoSlice name, size_t *version)
{
	for (size_t i = 1; i < name.len; i++)
	{
		size_t		behind = i;

		while (behind < name.len &&
			   homeo_ascii_is_one_of(name.data[behind], VERSION_SEPARATORS))
			behind++;
		if (behind > i && behind < name.len && name.data[behind] == 'v')
			behind++;
		if (behind > i && behind < name.len &&
			homeo_ascii_is_digit(name.data[behind]))
		{
			*version = behind;
			return i;
		}
	}
	return 0;
}

static HomeoSlice
name_without_version(HomeoSlice name)
{
	size_t		version;
	size_t		len = find_version(name, &version);

	return len > 0 ? homeo_slice(name.data, len) : none;
}

/* Takes the first line off. */
static HomeoSlice
take_line(HomeoSlice *rest)
{
	const char *end = rest->data == NULL ? NULL :
	memchr(rest->data, '\n', rest->len);
	HomeoSlice	line = *rest;

	*rest = none;
	if (end != NULL)
	{
		*rest = homeo_slice(end + 1, line.len - (end + 1 - line.data));
		line.len = end - line.data;
	}
	return line;
}

static HomeoSlice
wider(HomeoExact condition, HomeoSlice value)
{
	switch (condition)
	{
		case HOMEO_EXACT_LANGUAGE:
			return base_language(value);
		case HOMEO_EXACT_ERROR_TYPE:
			return name_without_package(value);
		case HOMEO_EXACT_FRAMEWORK:
		case HOMEO_EXACT_PLATFORM:
			return name_without_version(value);
		default:
			return none;
	}
}

static bool
is_of_environment(HomeoExact condition)
{
	return condition == HOMEO_EXACT_FRAMEWORK ||
		condition == HOMEO_EXACT_PLATFORM;
}

HomeoSlice
homeo_condition_value(HomeoExact condition, HomeoSlice given)
{
	char	   *name;
	size_t		len;
	size_t		version;

	if (given.data == NULL || !is_of_environment(condition))
		return given;
	while (given.len > 0 && homeo_ascii_is_space(given.data[given.len - 1]))
		given.len--;
	while (given.len > 0 && homeo_ascii_is_space(given.data[0]))
	{
		given.data++;
		given.len--;
	}
	name = palloc(given.len + 1);
	for (size_t i = 0; i < given.len; i++)
		name[i] = homeo_ascii_is_space(given.data[i]) ? ' ' :
			homeo_ascii_lower(given.data[i]);

	/* One blank, whatever stands before the version. */
	len = find_version(homeo_slice(name, given.len), &version);
	if (len == 0)
		return homeo_slice(name, given.len);
	name[len] = ' ';
	memmove(name + len + 1, name + version, given.len - version);
	return homeo_slice(name, len + 1 + given.len - version);
}

bool
homeo_condition_is_nameless(HomeoExact condition, HomeoSlice value)
{
	return value.len == 0 ||
		(is_of_environment(condition) &&
		 homeo_ascii_is_one_of(value.data[0], VERSION_SEPARATORS));
}

HomeoConditionValues
homeo_condition_values(HomeoExact condition, HomeoSlice given)
{
	HomeoConditionValues values = {condition, given, none};

	if (is_of_environment(condition))
	{
		values.rest = given;
		values.next = take_line(&values.rest);
	}
	return values;
}

bool
homeo_condition_next(HomeoConditionValues *values, HomeoSlice *value)
{
	*value = values->next;
	if (value->data == NULL)
		return false;
	values->next = wider(values->condition, *value);
	if (values->next.data == NULL)
		values->next = take_line(&values->rest);
	return true;
}

bool
homeo_condition_holds(HomeoExact condition, HomeoSlice wanted,
					  HomeoSlice given)
{
	HomeoConditionValues values = homeo_condition_values(condition, given);
	HomeoSlice	value;

	while (homeo_condition_next(&values, &value))
	{
		if (homeo_slice_equals(value, wanted))
			return true;
	}
	return false;
}
