/*
 * agent_follow.c
 *		Tests of the records of a file: long ones in little memory, torn ones,
 *		and those that are compressed.
 */
#include "agent/follow.h"

#include <unistd.h>

#include "agent/files.h"
#include "agent_events.h"

#define MEGABYTE	(1024 * 1024)

/* What a line of any length may take: its beginning, pieces, and rounding. */
#define MEMORY_LIMIT	((size_t) 4 * MEGABYTE)

static char path[] = "/tmp/agent_follow.XXXXXX";

static void
write_log(HomeoSpan content)
{
	FILE	   *file = fopen(path, "wb");

	(void) fwrite(content.data, 1, content.len, file);
	(void) fclose(file);
}

static void
append_filler(size_t megabytes)
{
	static char filler[MEGABYTE];
	FILE	   *file = fopen(path, "ab");

	memset(filler, 'x', sizeof(filler));
	for (size_t i = 0; i < megabytes; i++)
		(void) fwrite(filler, 1, sizeof(filler), file);
	(void) fclose(file);
}

static HomeoStream *
open_log(const char *format)
{
	HomeoStream *stream = agent_stream_new(path, path);
	HomeoSource source;
	struct stat st;

	if (!agent_source_open(&source, path) || !agent_source_stat(&source, &st))
		abort();
	agent_stream_attach(stream, &source, &st);
	stream->format = agent_format_named(format);
	return stream;
}

static char last_byte;			/* of the record that was passed last */

/* The next record of the stream, which is passed; *peak grows with memory. */
static bool
next(HomeoStream *stream, bool at_end, HomeoRecord *record, size_t *peak)
{
	bool		found = agent_follow_record(stream, at_end, record);

	if (stream->bytes.room > *peak)
		*peak = stream->bytes.room;
	if (found)
	{
		last_byte = record->text.data[record->text.len - 1];
		agent_follow_pass(stream, record);
	}
	return found;
}

static void
test_long(const char *format, const char *before, const char *behind)
{
	HomeoStream *stream;
	HomeoRecord record;
	size_t		peak = 0;
	int64_t		length = (int64_t) strlen(before) + 100 * (int64_t) MEGABYTE + 1;

	write_log(agent_span_string(before));
	append_filler(100);
	{
		FILE	   *file = fopen(path, "ab");

		(void) fprintf(file, "\n%s", behind);
		(void) fclose(file);
	}
	stream = open_log(format);
	tap_ok(next(stream, true, &record, &peak) && record.cut &&
		   record.length == length && record.text.len == AGENT_RECORD_LIMIT,
		   "%s: a line of 100 MB is a record that is cut", format);
	tap_ok(peak < MEMORY_LIMIT, "... in %zu bytes of memory", peak);
	tap_ok(next(stream, true, &record, &peak) && !record.cut &&
		   record.offset == length, "... and the next one is behind it");
	tap_ok(stream->bytes.room < MEMORY_LIMIT / 4,
		   "... which gives memory back");
	agent_stream_free(stream);
}

/* Many lines that belong together are cut between two of them. */
static void
test_many_lines(void)
{
	HomeoBuffer text = {0};
	HomeoStream *stream;
	HomeoRecord record;
	size_t		peak = 0;
	int64_t		total = 0;
	int			records = 0;
	bool		whole = true;

	agent_buffer_add_string(&text, "ERROR boom\n");
	while (text.len < 20 * MEGABYTE)
		agent_buffer_add_string(&text, "    at some.where(File.java:1)\n");
	write_log(agent_buffer_span(&text));
	stream = open_log("text");
	while (next(stream, true, &record, &peak))
	{
		total += record.length;
		records++;
		whole &= last_byte == '\n';
	}
	tap_ok(total == (int64_t) text.len && whole && records >= 19 &&
		   records < 25, "a stack trace of 20 MB is %d records", records);
	tap_ok(peak < MEMORY_LIMIT, "... in %zu bytes of memory", peak);
	agent_stream_free(stream);
	agent_buffer_free(&text);
}

static void
test_torn(void)
{
	HomeoStream *stream;
	HomeoRecord record;
	size_t		peak = 0;
	FILE	   *file;

	write_log(BYTES("INFO a\nERROR half"));
	stream = open_log("text");
	tap_ok(next(stream, true, &record, &peak) && record.length == 7 &&
		   !next(stream, false, &record, &peak),
		   "half a line is waited for");
	tap_ok(!next(stream, true, &record, &peak),
		   "... even if nothing is written any more");
	file = fopen(path, "ab");
	(void) fputs(" whole\nINFO b\n", file);
	(void) fclose(file);
	tap_ok(next(stream, false, &record, &peak) && record.offset == 7 &&
		   record.length == 17, "... and read when it is whole");
	stream->ending = true;
	tap_ok(next(stream, false, &record, &peak) && record.length == 7 &&
		   !next(stream, false, &record, &peak), "the last one, too");
	agent_stream_free(stream);

	write_log(BYTES("INFO a\n"));
	stream = open_log("text");
	(void) next(stream, true, &record, &peak);
	write_log(BYTES("INFO b is another file\n"));
	tap_ok(agent_stream_is_cut(stream), "a file that was written anew is seen");
	tap_ok(!next(stream, true, &record, &peak), "... and not read as the same");
	agent_stream_free(stream);
}

static void
test_compressed(void)
{
	HomeoBuffer text = {0};
	HomeoBuffer packed = {0};
	HomeoStream *stream;
	HomeoRecord record;
	size_t		peak = 0;
	int			records = 0;
	int64_t		total = 0;

	for (int i = 0; i < 50000; i++)
		agent_buffer_print(&text, "ERROR number %d\n", i);
	agent_gzip(agent_buffer_span(&text), &packed);
	write_log(agent_buffer_span(&packed));
	stream = open_log("text");
	while (next(stream, true, &record, &peak))
	{
		total += record.length;
		records++;
	}
	tap_ok(records == 50000 && total == (int64_t) text.len && stream->ending,
		   "a compressed file is read to its end");
	agent_stream_free(stream);

	/* Damaged in the middle: what is before is read. */
	packed.data[packed.len / 2] ^= 0x55;
	write_log(agent_buffer_span(&packed));
	stream = open_log("text");
	records = 0;
	while (next(stream, true, &record, &peak))
		records++;
	tap_ok(records < 50000 && stream->trouble_said && stream->ending,
		   "one that is damaged ends there (%d records)", records);
	agent_stream_free(stream);
	agent_buffer_free(&text);
	agent_buffer_free(&packed);
}

int
main(void)
{
	int			fd = mkstemp(path);

	if (fd < 0)
		return 1;
	(void) close(fd);
	set_zone("UTC");
	test_long("text", "ERROR ", "ERROR b\n");
	test_long("json", "{\"level\":\"error\",\"msg\":\"", "{\"a\":1}\n");
	test_long("csvlog", "2026-01-31 23:59:59.123 UTC,\"app\",\"",
			  "2026-01-31 23:59:59.123 UTC,\"app\",\"shop\",17,\"[local]\",65.1,1,\"\",x\n");
	test_long("journal", "__CURSOR=1\nMESSAGE=", "__CURSOR=2\nMESSAGE=x\n\n");
	test_many_lines();
	test_torn();
	test_compressed();
	(void) unlink(path);
	return events_done();
}
