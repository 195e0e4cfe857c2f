/*
 * fingerprint.c
 *		Fuzz target for homeo_fingerprint_event().
 *
 * The input is cut at its first bytes of value 0xff into the fields of an
 * event, of which the last is its stack.
 */
#include "text/fingerprint.h"

#include "check.h"

#define MAX_FRAMES	16

static HomeoSlice
take_field(char **text, size_t *size)
{
	char	   *start = *text;
	char	   *end = *size > 0 ? memchr(start, 0xff, *size) : NULL;
	size_t		n = end != NULL ? (size_t) (end - start) : *size;

	*text +=n;
	*size -= n;
	if (end != NULL)
	{
		(*text) ++;
		(*size)--;
	}
	return homeo_slice(start, n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *copy = exact_copy(data, size);
	char	   *rest = copy;
	HomeoFingerprintInput in;
	HomeoFingerprint once;
	HomeoFingerprint twice;
	HomeoFrame	frames[MAX_FRAMES];
	size_t		nframes;
	size_t		ncut;

	in.language = take_field(&rest, &size);
	in.error_type = take_field(&rest, &size);
	in.sqlstate = take_field(&rest, &size);
	in.message = take_field(&rest, &size);
	in.schema_name = take_field(&rest, &size);
	in.table_name = take_field(&rest, &size);
	in.column_name = take_field(&rest, &size);
	in.constraint_name = take_field(&rest, &size);
	in.datatype_name = take_field(&rest, &size);
	in.context = take_field(&rest, &size);
	in.statement = take_field(&rest, &size);
	in.search_path = take_field(&rest, &size);
	in.imitated = in.message.len % 2 == 1;
	nframes = homeo_stacktrace_parse(in.language, homeo_slice(rest, size),
									 frames, MAX_FRAMES, &ncut);
	in.has_frames = nframes > 0;
	homeo_fingerprint_frames(frames, nframes, &in.frames);
	homeo_fingerprint_event(&in, &once);
	homeo_fingerprint_event(&in, &twice);
	CHECK(memcmp(&once, &twice, sizeof(once)) == 0);
	free(copy);
	return 0;
}
