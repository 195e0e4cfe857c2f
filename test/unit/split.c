/*
 * split.c
 *		Tests of how a body is split into events.
 */
#include "intake/split.h"

#include "tap.h"

typedef struct Case
{
	const char *text;
	const char *pieces;			/* each behind its place, then the end */
} Case;

static const Case cases[] = {
	{"", "end"},
	{" \n\r\n\t", "end"},
	{"{\"a\": 1}", "1<{\"a\": 1}> end"},
	{"a\nb\n", "1<a> 2<b> end"},
	{"a\r\n\r\n  b c \nd", "1<a> 3<b c> 4<d> end"},
	{"\xef\xbb\xbf" "a\nb", "1<a> 2<b> end"},
	{"\xef\xbb\xbf[1]", "1<1> end"},
	{"[]", "end"},
	{" [ \n ] ", "end"},
	{"[1]", "1<1> end"},
	{"[1, {\"a\": [2, 3]} ,[4]]\n", "1<1> 2<{\"a\": [2, 3]}> 3<[4]> end"},
	{"[\"a,b]\", \"\\\"]\", \"\\\\\", 1]",
	"1<\"a,b]\"> 2<\"\\\"]\"> 3<\"\\\\\"> 4<1> end"},
	{"[{\"{[\": \"}]\"}, 2]", "1<{\"{[\": \"}]\"}> 2<2> end"},
	/* Not JSON, but not in the way of the others. */
	{"[1, , 2]", "1<1> 2<> 3<2> end"},
	{"[1,]", "1<1> 2<> end"},
	{"[,]", "1<> 2<> end"},
	{"[{\"a\": ], 2]", "1<{\"a\": ]> 2<2> end"},
	{"[}, 2]", "1<}> 2<2> end"},
	{"[1 2, 3]", "1<1 2> 2<3> end"},
	/* Refused as a whole. */
	{"[", "unfinished"},
	{"[1", "unfinished"},
	{"[1,", "1<1> unfinished"},
	{"[{\"a\": 1}", "unfinished"},
	{"[\"a]", "unfinished"},
	{"[\"a\\", "unfinished"},
	{"[1] 2", "1<1> trailing"},
	{"[1]\n[2]", "1<1> trailing"},
	{"[]]", "trailing"},
};

static const char *const ends[] = {"", "end", "unfinished", "trailing"};

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		HomeoSlice text = {cases[i].text, strlen(cases[i].text)};
		HomeoSlice	piece;
		HomeoSplit	split;
		HomeoSplitResult result;
		char		got[200];
		int			len = 0;

		homeo_split_init(&split, text);
		while ((result = homeo_split_next(&split, &piece)) == HOMEO_SPLIT_PIECE)
			len += snprintf(got + len, sizeof(got) - (size_t) len,
							"%d<%.*s> ", split.place, (int) piece.len,
							piece.data);
		len += snprintf(got + len, sizeof(got) - (size_t) len, "%s",
						ends[result]);
		tap_same(got, (size_t) len, cases[i].pieces, "the pieces are found");
		tap_show("of: ", text.data, text.len);
	}
	return tap_done();
}
