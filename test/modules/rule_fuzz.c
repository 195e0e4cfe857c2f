/*
 * rule_fuzz.c
 *		A second opinion on patterns, for test/t/058_match_fuzz.pl, and
 *		checksums for test/t/059_image_fuzz.pl.
 *
 *	rule_fuzz_match(pattern text, subject text, lines boolean) returns text
 *		the named groups of a match as a JSON object, null when there is none,
 *		or the word limit, after as many steps as a rule has.  PCRE2 is called in the plainest way: no JIT, no
 *		windows, no cache of compiled patterns.
 *	rule_fuzz_checksum(content bytea) returns bytea
 *		its CRC-32C, as it stands in memory
 *
 * Loaded by tests only, from the private installation.
 */
#include "postgres.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "port/pg_crc32c.h"
#include "utils/builtins.h"
#include "utils/json.h"

PG_MODULE_MAGIC;

#define MATCH_LIMIT		100000

static pcre2_code *
compile(const char *pattern, bool lines)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pcre2_code *code;
	PCRE2_SIZE	offset;
	int			error;

	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	code = pcre2_compile((PCRE2_SPTR) pattern, PCRE2_ZERO_TERMINATED,
						 PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C |
						 (lines ? PCRE2_MULTILINE : 0),
						 &error, &offset, context);
	pcre2_compile_context_free(context);
	if (code == NULL)
		elog(ERROR, "PCRE2 refuses the pattern: error %d at %zu", error,
			 (size_t) offset);
	return code;
}

/* The first set group of each name, as a rule captures it. */
static char *
groups_of(const pcre2_code *code, const PCRE2_SIZE *offsets,
		  const char *subject)
{
	StringInfoData object;
	PCRE2_SPTR	table = NULL;
	uint32		names = 0;
	uint32		size = 0;

	pcre2_pattern_info(code, PCRE2_INFO_NAMECOUNT, &names);
	pcre2_pattern_info(code, PCRE2_INFO_NAMETABLE, &table);
	pcre2_pattern_info(code, PCRE2_INFO_NAMEENTRYSIZE, &size);
	initStringInfo(&object);
	for (uint32 i = 0; i < names; i++, table += size)
	{
		int			group = (table[0] << 8) | table[1];
		PCRE2_SIZE	from = offsets[2 * group];
		PCRE2_SIZE	to = offsets[2 * group + 1];

		if (from == PCRE2_UNSET || to < from)
			continue;
		appendStringInfoChar(&object, object.len == 0 ? '{' : ',');
		escape_json(&object, (const char *) table + 2);
		appendStringInfoChar(&object, ':');
		escape_json(&object, pnstrdup(subject + from, to - from));
	}
	return psprintf("%s}", object.len == 0 ? "{" : object.data);
}

extern PGDLLEXPORT Datum rule_fuzz_match(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(rule_fuzz_match);

Datum
rule_fuzz_match(PG_FUNCTION_ARGS)
{
	char	   *pattern = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *subject = text_to_cstring(PG_GETARG_TEXT_PP(1));
	pcre2_code *code = compile(pattern, PG_GETARG_BOOL(2));
	pcre2_match_data *match = pcre2_match_data_create_from_pattern(code, NULL);
	pcre2_match_context *limits = pcre2_match_context_create(NULL);
	char	   *answer = NULL;
	int			result;

	pcre2_set_match_limit(limits, MATCH_LIMIT);
	result = pcre2_match(code, (PCRE2_SPTR) subject, strlen(subject), 0, 0,
						 match, limits);
	pcre2_match_context_free(limits);
	if (result >= 0)
		answer = groups_of(code, pcre2_get_ovector_pointer(match), subject);
	else if (result != PCRE2_ERROR_NOMATCH)
		answer = pstrdup("limit");
	pcre2_match_data_free(match);
	pcre2_code_free(code);
	if (answer == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(answer));
}

extern PGDLLEXPORT Datum rule_fuzz_checksum(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(rule_fuzz_checksum);

Datum
rule_fuzz_checksum(PG_FUNCTION_ARGS)
{
	bytea	   *content = PG_GETARG_BYTEA_PP(0);
	bytea	   *result = palloc(VARHDRSZ + sizeof(pg_crc32c));
	pg_crc32c	checksum;

	INIT_CRC32C(checksum);
	COMP_CRC32C(checksum, VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content));
	FIN_CRC32C(checksum);
	SET_VARSIZE(result, VARHDRSZ + sizeof(checksum));
	memcpy(VARDATA(result), &checksum, sizeof(checksum));
	PG_RETURN_BYTEA_P(result);
}
