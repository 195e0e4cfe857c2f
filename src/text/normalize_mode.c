/*
 * normalize_mode.c
 *		Which SQLSTATEs quote names in their messages, and which quote values.
 *
 * Anybody may call it, in any process, also without PostgreSQL.  No locks, no
 * memory of its own.
 */
#include "text/normalize.h"

#include <string.h>

typedef struct ModeOfState
{
	const char *prefix;			/* an SQLSTATE or its class */
	HomeoNormalizeMode mode;
} ModeOfState;

#define KEEP	HOMEO_NORMALIZE_KEEP_IDENTIFIERS
#define ALL		HOMEO_NORMALIZE_ALL

/*
 * The first prefix that fits decides, so codes stand before their class.
 * A class whose messages quote both has the mode that does less harm: merging
 * two problems hides one of them, but a value taken for a name makes an issue
 * of each occurrence, and many values come from whoever can reach the server.
 * That is why what a client may freely choose before it has logged in (role
 * names of class 28) is a value here.  Classes that are not listed quote
 * nothing that matters, or, as P0 and XX000, texts of any kind.
 */
static const ModeOfState mode_of_state[] = {
	/* could not connect to server "s" (of a foreign-data wrapper) */
	{"08", KEEP},
	/* extension "vector" is not available, "v" is not a table */
	{"0A", KEEP},
	/* role name "pg_x" is reserved */
	{"0L", KEEP}, {"0P", KEEP},
	/* reached maximum value of sequence "orders_id_seq" */
	{"2200H", KEEP},
	/* null value cannot be assigned to variable "x" declared NOT NULL */
	{"22004", KEEP},
	/* invalid byte sequence for encoding "UTF8", ... encoding "LATIN1" */
	{"22021", KEEP}, {"22P05", KEEP},
	/* missing data for column "b" */
	{"22P04", KEEP},
	/* JSON object does not contain key "x", named in a path */
	{"2203A", KEEP},
	/* invalid input syntax for type integer: "abc" */
	{"22", ALL},
	/* violates unique constraint "a_pkey" */
	{"23", KEEP},
	/* cannot drop x because role "r" depends on it */
	{"2B", KEEP},
	/* function "f" of a procedural or external language */
	{"38", KEEP}, {"39", KEEP},
	/* database "d", schema "s" does not exist */
	{"3D", KEEP}, {"3F", KEEP},
	/* syntax error at or near "foo": wherever the parser happened to be */
	{"42601", ALL},
	/* cursor "c1", prepared statement "S_1": drivers number them */
	{"42P03", ALL}, {"42P05", ALL},
	/* relation "orders" does not exist */
	{"42", KEEP},
	/* new row violates check option for view "v" */
	{"44", KEEP},
	/* too many connections for role "app" */
	{"53300", KEEP},
	/* index row size 2712 exceeds btree maximum 2704 for index "i" */
	{"54", KEEP},
	/* materialized view "mv" has not been populated */
	{"55", KEEP},
	/* unrecognized configuration parameter "x" in file */
	{"F0", KEEP},
	/* what this extension's own checks found, such as index "i" */
	{"HO", KEEP},
	/* invalid option "host" of a foreign server */
	{"HV", KEEP},
	/* damaged file "base/5/1259", damaged index "i": each its own problem */
	{"XX001", KEEP}, {"XX002", KEEP}
};

#undef KEEP
#undef ALL

HomeoNormalizeMode
homeo_normalize_mode_for_sqlstate(const char *sqlstate)
{
	size_t		i;

	if (sqlstate == NULL)
		return HOMEO_NORMALIZE_ALL;
	for (i = 0; i < sizeof(mode_of_state) / sizeof(mode_of_state[0]); i++)
	{
		const char *prefix = mode_of_state[i].prefix;

		/* Stops at a terminator, and never reads a sixth byte. */
		if (strncmp(sqlstate, prefix, strlen(prefix)) == 0)
			return mode_of_state[i].mode;
	}
	return HOMEO_NORMALIZE_ALL;
}
