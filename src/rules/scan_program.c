/*
 * scan_program.c
 *		Compiles patterns in a process of their own.
 *
 * Whatever comes of it, rules work: those whose patterns no database has are
 * found without a scan.
 */
#include "postgres.h"

#include "rules/scan_program.h"

#include <hs.h>

#include "base/program.h"
#include "miscadmin.h"
#include "rules/image_build.h"
#include "rules/scan.h"
#include "rules/scan_stream.h"

/* Thirty times as much as 5,000 patterns need. */
#define MAX_OUTPUT		((Size) 256 * 1024 * 1024)

static void
write_sources(const HomeoScanSource *sources, int n, StringInfo out)
{
	for (int i = 0; i < n; i++)
	{
		HomeoScanRequest request = {
			(uint32) sources[i].len, sources[i].unrolled, sources[i].foreign
		};

		appendBinaryStringInfo(out, (const char *) &request, sizeof(request));
		appendBinaryStringInfo(out, sources[i].text, (int) sources[i].len);
		appendStringInfoChar(out, '\0');
	}
}

/* Takes so many bytes from the front; false: there are not so many. */
static bool
take(HomeoSlice *from, void *to, Size len)
{
	if (from->len < len)
		return false;
	memcpy(to, from->data, len);
	from->data += len;
	from->len -= len;
	return true;
}

/* The numbers and bytes of a database over some of n sources, or NULL. */
static HomeoImageDatabase *
read_database(HomeoSlice *from, const HomeoScanAnswer *answer, int n)
{
	HomeoImageDatabase *database = palloc(sizeof(*database));

	if (answer->n > (uint32) n)
		return NULL;
	database->n = (int) answer->n;
	database->numbers = palloc(sizeof(int) * answer->n);
	if (!take(from, database->numbers, sizeof(int) * answer->n) ||
		from->len < answer->len)
		return NULL;
	for (int i = 0; i < database->n; i++)
	{
		if (database->numbers[i] < 0 || database->numbers[i] >= n)
			return NULL;
	}
	database->bytes = unconstify(char *, from->data);
	database->len = answer->len;
	from->data += answer->len;
	from->len -= answer->len;
	/* One that another version made, or for another processor, has no size. */
	return homeo_scan_size(database->bytes, database->len) > 0 ? database : NULL;
}

/* The databases of a complete answer, else NIL and *problem. */
static List *
read_answer(HomeoSlice from, int n, const char **problem)
{
	HomeoScanGreeting greeting;
	HomeoScanAnswer answer;
	List	   *databases = NIL;

	if (!take(&from, &greeting, sizeof(greeting)))
		*problem = "its answer is not complete";
	else if (strncmp(greeting.version, hs_version(), sizeof(greeting.version) - 1) != 0)
		*problem = psprintf("it uses another version of Vectorscan, %.*s, than the server, %s: restart the server",
							(int) sizeof(greeting.version), greeting.version,
							hs_version());
	while (*problem == NULL)
	{
		HomeoImageDatabase *database;

		if (!take(&from, &answer, sizeof(answer)))
			*problem = "its answer is not complete";
		else if (answer.n == 0)
			return databases;
		else if ((database = read_database(&from, &answer, n)) == NULL)
			*problem = "its answer is damaged";
		else
			databases = lappend(databases, database);
	}
	return NIL;
}

List *
homeo_scan_program_compile(const HomeoScanSource *sources, int n, void *arg)
{
	const char **problem = arg;
	char		path[MAXPGPATH];
	StringInfoData request;
	StringInfoData answer;
	HomeoSlice	whole;
	List	   *databases = NIL;

	/* The patterns of another kind could not be compiled: nor can these. */
	if (*problem != NULL)
		return NIL;
	snprintf(path, sizeof(path), "%s/%s", pkglib_path, HOMEO_SCAN_PROGRAM);
	initStringInfo(&request);
	initStringInfo(&answer);
	write_sources(sources, n, &request);
	*problem = homeo_program_run(path, request.data, request.len, &answer,
								 MAX_OUTPUT);
	whole.data = answer.data;
	whole.len = answer.len;
	if (*problem == NULL)
		databases = read_answer(whole, n, problem);
	if (*problem != NULL)
		*problem = psprintf("program \"%s\" did not compile the patterns: %s",
							path, *problem);
	pfree(request.data);
	return databases;
}
