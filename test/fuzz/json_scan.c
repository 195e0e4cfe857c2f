/*
 * json_scan.c
 *		Fuzz target for the scanner of plain JSON.
 *
 * What it reads fits into the room that it asks for, and what it says an
 * object is says the same when it is read again.
 */
#include "text/json_scan.h"

#include "check.h"

#define MAX_DEPTH	32

typedef bool (*Reader) (HomeoJsonScan *scan, HomeoSlice *value);

static bool
read_object(HomeoJsonScan *scan, HomeoSlice *value)
{
	return homeo_json_scan_object(scan, MAX_DEPTH, value);
}

/* Reads in exactly the room that there has to be; frees it unless it is read. */
static bool
read_whole(Reader reader, HomeoSlice input, char **room, HomeoSlice *value)
{
	HomeoJsonScan scan;
	size_t		size = HOMEO_JSON_SCAN_ROOM(input.len);
	bool		whole;

	*room = malloc(size > 0 ? size : 1);
	CHECK(*room != NULL);
	homeo_json_scan_init(&scan, input, *room);
	whole = reader(&scan, value) && homeo_json_scan_end(&scan);
	CHECK(scan.at >= input.data && scan.at <= input.data + input.len);
	CHECK(scan.out >= *room && scan.out <= *room + size);
	if (!whole)
		free(*room);
	return whole;
}

static void
check_object(HomeoSlice input)
{
	char	   *room;
	char	   *again;
	HomeoSlice	value;
	HomeoSlice	copy;

	if (!read_whole(read_object, input, &room, &value))
		return;
	CHECK(value.len >= 2 && value.data[0] == '{' &&
		  value.data[value.len - 1] == '}');
	CHECK(read_whole(read_object, value, &again, &copy));
	CHECK(homeo_slice_equals(value, copy));
	free(again);
	free(room);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = exact_copy(data, size);
	HomeoSlice	input = homeo_slice(text, size);
	char	   *room;
	HomeoSlice	value;

	check_object(input);
	if (read_whole(homeo_json_scan_string, input, &room, &value))
	{
		CHECK(value.data != NULL && value.len <= size - 2);
		free(room);
	}
	if (read_whole(homeo_json_scan_lines, input, &room, &value))
	{
		CHECK(value.data != NULL && value.len <= size);
		free(room);
	}
	free(text);
	return 0;
}
