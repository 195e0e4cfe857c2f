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

/* In the order of errcodes.txt; where a code has two names, the first holds. */
static const HomeoCondition conditions[] = {
#include "sqlstate_names.h"
};

const char *
homeo_sqlstate_name(const char *sqlstate)
{
	for (int i = 0; i < lengthof(conditions); i++)
	{
		if (memcmp(conditions[i].sqlstate, sqlstate, 5) == 0)
			return conditions[i].name;
	}
	return NULL;
}
