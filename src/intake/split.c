/*
 * split.c
 *		Finds the elements of a JSON array, or lines, without parsing them.
 *
 * Called by report.c.  Only strings and brackets are told from the rest:
 * whether a piece is JSON is for who parses it to say, so that a bad one
 * costs itself and none of the others.
 */
#include "intake/split.h"

#include <string.h>

#include "base/ascii.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *
skip_blanks(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

/* The piece from p to end, without blanks around it. */
static HomeoSlice
trim(const char *p, const char *end)
{
	HomeoSlice	piece;

	p = skip_blanks(p, end);
	while (end > p && is_blank(end[-1]))
		end--;
	piece.data = p;
	piece.len = (size_t) (end - p);
	return piece;
}

/*
 * Begins with text, which is not NULL and must live as long as *split.  It
 * is an array if its first character is a bracket.
 */
void
homeo_split_init(HomeoSplit *split, HomeoSlice text)
{
	const char *first;

	split->next = text.data;
	split->end = text.data + text.len;

	split->place = 0;
	if (homeo_ascii_starts(text.data, text.len, HOMEO_BYTE_ORDER_MARK))
		split->next += strlen(HOMEO_BYTE_ORDER_MARK);
	first = skip_blanks(split->next, split->end);
	split->is_array = first < split->end && *first == '[';
	if (split->is_array)
		split->next = first;
}

/* The next line that is not blank. */
static HomeoSplitResult
next_line(HomeoSplit *split, HomeoSlice *piece)
{
	while (split->next < split->end)
	{
		const char *line = split->next;
		const char *end = memchr(line, '\n', (size_t) (split->end - line));

		if (end == NULL)
			end = split->end;
		split->next = end < split->end ? end + 1 : end;
		split->place++;
		*piece = trim(line, end);
		if (piece->len > 0)
			return HOMEO_SPLIT_PIECE;
	}
	return HOMEO_SPLIT_END;
}

/*
 * The comma or bracket at which an element ends that begins at p; the end of
 * the text if there is none.
 */
static const char *
element_end(const char *p, const char *end)
{
	size_t		depth = 0;
	bool		in_string = false;

	for (; p < end; p++)
	{
		if (in_string)
		{
			if (*p == '\\' && p + 1 < end)
				p++;
			else if (*p == '"')
				in_string = false;
		}
		else if (*p == '"')
			in_string = true;
		else if (*p == '[' || *p == '{')
			depth++;
		else if (depth == 0 && (*p == ',' || *p == ']'))
			return p;
		else if (depth > 0 && (*p == ']' || *p == '}'))
			depth--;
	}
	return end;
}

/* split->next is at the bracket or comma before the element, or at the end. */
static HomeoSplitResult
next_element(HomeoSplit *split, HomeoSlice *piece)
{
	const char *start = split->next + 1;
	const char *end;

	if (*split->next == ']')
		return skip_blanks(start, split->end) == split->end ?
			HOMEO_SPLIT_END : HOMEO_SPLIT_TRAILING;
	end = element_end(start, split->end);
	if (end == split->end)
		return HOMEO_SPLIT_UNFINISHED;
	*piece = trim(start, end);
	split->next = end;
	if (*end == ']' && split->place == 0 && piece->len == 0)
		return next_element(split, piece);
	split->place++;
	return HOMEO_SPLIT_PIECE;
}

/*
 * The next piece, without the blanks around it.  An element may be empty
 * where one is missing between commas; a blank line is none.  After any
 * result but HOMEO_SPLIT_PIECE there are no more.
 */
HomeoSplitResult
homeo_split_next(HomeoSplit *split, HomeoSlice *piece)
{
	return split->is_array ? next_element(split, piece) :
		next_line(split, piece);
}
