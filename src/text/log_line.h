/*
 * log_line.h
 *		Takes a line of a log apart into tokens: words that say what happened,
 *		and places where a value stands.
 *
 * Needs nothing from the server.  Pure: no state, no allocation.
 */
#ifndef HOMEO_LOG_LINE_H
#define HOMEO_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A line is cut behind the last token that is within both limits. */
#define HOMEO_LOG_LINE_TOKENS	48
#define HOMEO_LOG_LINE_BYTES	1024

typedef enum HomeoTokenKind
{
	HOMEO_TOKEN_VALUE,			/* nothing but placeholders: <n> */
	HOMEO_TOKEN_NUMBERED,		/* letters and a placeholder: blk_<n> */
	HOMEO_TOKEN_NAME,			/* an identifier: org.acme.Main, setFoo, a_b */
	HOMEO_TOKEN_WORD,			/* of a sentence */
	HOMEO_TOKEN_KEY,			/* before an equals sign */
	HOMEO_TOKEN_ANY				/* <*>, in place of any but a key */
} HomeoTokenKind;

/* Two tokens are the same if their keys are. */
typedef struct HomeoToken
{
	uint32_t	key;			/* a hash, the kind in its lowest bits */
	uint16_t	start;			/* in the line's text */
	uint16_t	len;
} HomeoToken;

typedef struct HomeoLogLine
{
	int			ntokens;
	size_t		len;
	HomeoToken	tokens[HOMEO_LOG_LINE_TOKENS];
	char		str[HOMEO_LOG_LINE_BYTES];
} HomeoLogLine;

#define HOMEO_TOKEN_KIND_MASK	((uint32_t) 7)

#define HOMEO_LOG_LINE_ANY		"<*>"

/* All values have this key, whatever placeholder stands for them. */
#define HOMEO_TOKEN_KEY_VALUE	((uint32_t) HOMEO_TOKEN_VALUE)
#define HOMEO_TOKEN_KEY_ANY		((uint32_t) HOMEO_TOKEN_ANY)

static inline HomeoTokenKind
homeo_token_kind(uint32_t key)
{
	return (HomeoTokenKind) (key & HOMEO_TOKEN_KIND_MASK);
}

/*
 * Reads a line as a program wrote it, without the time and the level before
 * it.  The line's text is what a person may read of it: with placeholders, and
 * without what varies in number.
 */
extern void homeo_log_line_read(const char *message, size_t len,
								HomeoLogLine *line);

/*
 * Reads the text of a line again, with or without HOMEO_LOG_LINE_ANY in place
 * of some tokens: the others are what they were, and each has its place.
 */
extern void homeo_log_line_parse(const char *text, size_t len,
								 HomeoLogLine *line);

/*
 * Puts HOMEO_LOG_LINE_ANY in place of some tokens of a line that was read or
 * parsed: of those whose number's bit is set.
 */
extern void homeo_log_line_widen(HomeoLogLine *line, uint64_t tokens);

#endif							/* HOMEO_LOG_LINE_H */
