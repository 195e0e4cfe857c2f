/*
 * sqlstate.c
 *		Names of the server's error conditions.
 *
 * The table is made from the errcodes.txt of the PostgreSQL that the module
 * is built for.  Pure; anybody may call it.
 */
#include "postgres.h"

#include "intake/sqlstate.h"

typedef struct HomeoCondition
{
	char		sqlstate[6];
	const char *name;
} HomeoCondition;

/* In the order of the codes; where one has two names, the first of the file. */
static const HomeoCondition conditions[] = {
#include "sqlstate_names.h"
};

static int
compare(const void *sqlstate, const void *condition)
{
	return memcmp(sqlstate, ((const HomeoCondition *) condition)->sqlstate, 5);
}

const char *
homeo_sqlstate_name(const char *sqlstate)
{
	const HomeoCondition *found = bsearch(sqlstate, conditions,
										  lengthof(conditions),
										  sizeof(conditions[0]), compare);

	return found ? found->name : NULL;
}
