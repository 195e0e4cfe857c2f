/*
 * pack_file.c
 *		Rules that are in files.
 *
 * Packs that were installed beside the extension are files of one directory,
 * which only who installs software can write to, and a pack's name is the file's
 * without its ending; so by their name no other file can be read, whoever asks.
 * By its path any file can, but only by who may read the server's files anyway.
 */
#include "postgres.h"

#include "rules/pack_file.h"

#include <sys/stat.h>

#include "base/ascii.h"
#include "base/compat.h"
#include "base/errors.h"
#include "catalog/pg_authid.h"
#include "common/file_utils.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#define DIRECTORY	"homeostasis/rules"
#define ENDING		".json"
#define MAX_BYTES	(64 * 1024 * 1024)

/* Folders in folders are read so deep. */
#define MAX_DEPTH	8

static char *
directory(void)
{
	char		share[MAXPGPATH];

	get_share_path(my_exec_path, share);
	return psprintf("%s/%s", share, DIRECTORY);
}

/* The length of the pack's name in that of a file; 0: it is none. */
static size_t
pack_name_len(const char *file)
{
	size_t		len = strspn(file, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return strcmp(file + len, ENDING) == 0 ? len : 0;
}

PG_FUNCTION_INFO_V1(homeo_installed_packs);

/* homeostasis.installed_packs(): setof text, names in no order */
Datum
homeo_installed_packs(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *path = directory();
	DIR		   *dir;
	struct dirent *entry;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	dir = AllocateDir(path);
	if (dir == NULL && errno == ENOENT)
		return (Datum) 0;
	while ((entry = ReadDir(dir, path)) != NULL)
	{
		size_t		len = pack_name_len(entry->d_name);
		Datum		value;
		bool		isnull = false;

		if (len == 0)
			continue;
		value = PointerGetDatum(cstring_to_text_with_len(entry->d_name,
														 (int) len));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value,
							 &isnull);
	}
	FreeDir(dir);
	return (Datum) 0;
}

/*
 * The whole file, which is UTF-8, in the database's encoding, palloc'd or part of
 * what is.
 */
static char *
read_file(const char *path)
{
	FILE	   *file = AllocateFile(path, PG_BINARY_R);
	struct stat status;
	char	   *content;
	size_t		len;

	if (file == NULL || fstat(fileno(file), &status) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", path)));
	if (status.st_size > MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("file \"%s\" is too large for a rule pack", path)));
	content = palloc(status.st_size + 1);
	len = fread(content, 1, status.st_size, file);
	if (ferror(file))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read file \"%s\": %m", path)));
	FreeFile(file);
	content[len] = '\0';
	if (homeo_ascii_starts(content, len, HOMEO_BYTE_ORDER_MARK))
	{
		content += strlen(HOMEO_BYTE_ORDER_MARK);
		len -= strlen(HOMEO_BYTE_ORDER_MARK);
	}
	return pg_any_to_server(content, (int) len, PG_UTF8);
}

PG_FUNCTION_INFO_V1(homeo_installed_pack);

/* homeostasis.installed_pack(name text): text, the pack's JSON */
Datum
homeo_installed_pack(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *file = psprintf("%s" ENDING, name);
	char	   *path = psprintf("%s/%s", directory(), file);

	if (pack_name_len(file) == 0 || access(path, F_OK) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_HOMEO_NOT_FOUND),
				 errmsg("there is no rule pack \"%s\" among those that are installed",
						name),
				 errhint("See homeostasis.available_packs for their names.")));
	PG_RETURN_TEXT_P(cstring_to_text(read_file(path)));
}

static void
require_privilege(void)
{
	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to load rules from a file"),
				 errdetail("Only roles with privileges of the role %s may load rules from a file of the server.",
						   "pg_read_server_files"),
				 errhint("Give load_rules() what is in the file; in psql: \\set pack `cat rules.json`.")));
}

static bool
has_ending(const char *name)
{
	size_t		len = strlen(name);

	return len > strlen(ENDING) && name[0] != '.' &&
		strcmp(name + len - strlen(ENDING), ENDING) == 0;
}

/* Adds the path of each file with rules in the folder and those below. */
static void
put_files(ReturnSetInfo *rsinfo, const char *folder, int depth)
{
	DIR		   *dir = AllocateDir(folder);
	struct dirent *entry;

	while ((entry = ReadDir(dir, folder)) != NULL)
	{
		char	   *path = psprintf("%s/%s", folder, entry->d_name);
		PGFileType	type;

		if (entry->d_name[0] == '.')
			continue;
		type = get_dirent_type(path, entry, false, ERROR);
		if (type == PGFILETYPE_DIR && depth < MAX_DEPTH)
			put_files(rsinfo, path, depth + 1);
		else if (type == PGFILETYPE_REG && has_ending(entry->d_name))
		{
			Datum		value = CStringGetTextDatum(path);
			bool		isnull = false;

			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value,
								 &isnull);
		}
	}
	FreeDir(dir);
}

PG_FUNCTION_INFO_V1(homeo_rule_files);

/* homeostasis.rule_files(path text): setof text, in no order */
Datum
homeo_rule_files(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum		argument = PG_GETARG_DATUM(0);
	char	   *path = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool		isnull = false;
	struct stat status;

	require_privilege();
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (stat(path, &status) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", path),
				 errhint("Give the path of a file or a folder on the server's machine that the server can read.")));
	if (S_ISDIR(status.st_mode))
		put_files(rsinfo, path, 1);
	else
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &argument,
							 &isnull);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(homeo_rule_file);

/* homeostasis.rule_file(path text): text */
Datum
homeo_rule_file(PG_FUNCTION_ARGS)
{
	require_privilege();
	PG_RETURN_TEXT_P(cstring_to_text(read_file(text_to_cstring(PG_GETARG_TEXT_PP(0)))));
}
