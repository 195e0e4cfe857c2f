/*
 * format.h
 *		The formats of logs: where a record ends, and what it says.
 */
#ifndef HOMEO_AGENT_FORMAT_H
#define HOMEO_AGENT_FORMAT_H

#include "agent/event.h"
#include "agent/multiline.h"

/* Whether more may follow the bytes that are there. */
typedef enum HomeoMore
{
	HOMEO_MORE_COMES,
	HOMEO_MORE_LATER,			/* whole lines are complete records */
	HOMEO_MORE_NEVER			/* so is half a line */
} HomeoMore;

/* How far the search for the end of a record has come; zero it before. */
typedef struct HomeoFrame
{
	size_t		scanned;		/* bytes that need no second look */
	bool		quoted;
	HomeoMultiline lines;
} HomeoFrame;

typedef struct HomeoFormat
{
	const char *name;

	/* The length of the first record of data; 0: its end is not there yet. */
	size_t		(*frame) (HomeoFrame *frame, HomeoSpan data, HomeoMore more);

	/*
	 * Fills the event, which is clear, from a record.  False: the record is
	 * not in the format, and is read as text.
	 */
	bool		(*parse) (HomeoSpan record, int64_t asof,
						  HomeoLogEvent *event);

	/*
	 * Does a record begin with the line?  Asked where one was too long; NULL:
	 * with every line.
	 */
	bool		(*begins) (HomeoSpan line);
} HomeoFormat;

/* NULL if there is none of that name. */
extern const HomeoFormat *agent_format_named(const char *name);

/* The names, for messages. */
extern const char *agent_format_names(void);

/*
 * The format of a file that begins so; text is what is no other.  NULL: the
 * beginning is too short to tell.
 */
extern const HomeoFormat *agent_format_detect(HomeoSpan beginning);

/* Parses a record in its format, or else as text. */
extern void agent_format_parse(const HomeoFormat *format, HomeoSpan record,
							   int64_t asof, HomeoLogEvent *event);

/* The formats; each in a file of its own. */
extern bool agent_format_text(HomeoSpan record, int64_t asof,
							  HomeoLogEvent *event);
extern bool agent_format_json(HomeoSpan record, int64_t asof,
							  HomeoLogEvent *event);
extern bool agent_format_logfmt(HomeoSpan record, int64_t asof,
								HomeoLogEvent *event);
extern bool agent_is_logfmt(HomeoSpan line);
extern bool agent_format_csvlog(HomeoSpan record, int64_t asof,
								HomeoLogEvent *event);
extern size_t agent_frame_csvlog(HomeoFrame *frame, HomeoSpan data,
								 HomeoMore more);
extern bool agent_csvlog_begins(HomeoSpan line);
extern bool agent_format_jsonlog(HomeoSpan record, int64_t asof,
								 HomeoLogEvent *event);
extern bool agent_format_journal(HomeoSpan record, int64_t asof,
								 HomeoLogEvent *event);
extern size_t agent_frame_journal(HomeoFrame *frame, HomeoSpan data,
								  HomeoMore more);
extern bool agent_journal_begins(HomeoSpan line);

/*
 * What a message says of itself: its level, its exception, its stack.  Sets
 * what the event does not have yet; of the message, only what is not said
 * otherwise.
 */
extern void agent_text_examine(HomeoSpan text, int64_t asof,
							   HomeoLogEvent *event);

#endif							/* HOMEO_AGENT_FORMAT_H */
