/*
 * json.h
 *		Reads JSON texts, and writes them so that any jsonb takes them.
 *
 * No tree is built: a value is the piece of text that it is written as.
 * Every text is bounded by the line it is in, nesting by AGENT_JSON_DEPTH.
 */
#ifndef HOMEO_AGENT_JSON_H
#define HOMEO_AGENT_JSON_H

#include "agent/buffer.h"

/* Values deeper than this become strings, so that the server takes them. */
#define AGENT_JSON_DEPTH	24

/* Longer numbers become strings, as do those with more than 100 zeros. */
#define AGENT_JSON_NUMBER	((size_t) 100)

/* Where an object or array is being read. */
typedef struct HomeoJsonCursor
{
	HomeoSpan	rest;
	bool		first;
	char		closer;			/* } or ] */
} HomeoJsonCursor;

/* Is the text one JSON value, with nothing but blanks around it? */
extern bool agent_json_valid(HomeoSpan text);

/*
 * Goes through an object, or an array, that is valid.  key is what is between
 * its quotes; give it to agent_json_unescape() when it matters.
 */
extern bool agent_json_open(HomeoSpan value, HomeoJsonCursor *cursor);
extern bool agent_json_next(HomeoJsonCursor *cursor, HomeoSpan *key,
							HomeoSpan *value);

/*
 * Adds the text of a valid value: of a string without quotes and escapes, of
 * others as they are written.  NUL becomes \x00, half a surrogate U+FFFD.
 */
extern void agent_json_text(HomeoSpan value, HomeoBuffer *out);

/*
 * Adds a string with its quotes.  Bytes that are no UTF-8, and NUL, are
 * written as \xNN.
 */
extern void agent_json_write(HomeoBuffer *out, HomeoSpan text);

/*
 * Adds a valid value again, its strings as agent_json_write() does; numbers
 * that a numeric may not hold become strings, as does what is too deep.
 */
extern void agent_json_copy(HomeoBuffer *out, HomeoSpan value);

/*
 * The most bytes that a jsonb of what agent_json_copy() wrote has as text: it
 * puts blanks behind commas and colons, and zeros in the place of exponents.
 */
extern size_t agent_json_length(HomeoSpan value);

/*
 * Adds a JSON text whose characters beyond ASCII are spelt \xNN in its
 * strings, for a database that has none for them.
 */
extern void agent_json_to_ascii(HomeoBuffer *out, HomeoSpan json);

/* The length of a prefix of at most limit bytes that ends with a character. */
extern size_t agent_utf8_clip(HomeoSpan text, size_t limit);

#endif							/* HOMEO_AGENT_JSON_H */
