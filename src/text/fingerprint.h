/*
 * fingerprint.h
 *		128 bits that are the same for two occurrences of the same problem.
 *
 * Needs nothing from the server and allocates nothing.
 */
#ifndef HOMEO_FINGERPRINT_H
#define HOMEO_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash128.h"
#include "base/slice.h"
#include "text/stacktrace.h"

/*
 * Stored beside each fingerprint.  A change to what goes into a fingerprint,
 * to the placeholders of normalize.c, or to the names that stacktrace.c
 * finds makes another number of this.
 */
#define HOMEO_FINGERPRINT_VERSION 5

/* Normalised messages are cut here before they are hashed. */
#define HOMEO_FINGERPRINT_MESSAGE_BYTES 1024

typedef struct HomeoFingerprint
{
	uint8_t		bytes[16];
} HomeoFingerprint;

typedef struct HomeoFingerprintBuilder
{
	HomeoHash128 hash;
} HomeoFingerprintBuilder;

/*
 * Each field goes in with its tag and its length, so that no two different
 * sequences of fields have the same bytes.  An absent field is left out by
 * not adding it; an empty one is something else.
 */
extern void homeo_fingerprint_init(HomeoFingerprintBuilder *builder,
								   uint32_t version);
extern void homeo_fingerprint_add_field(HomeoFingerprintBuilder *builder,
										uint8_t tag,
										const char *text, size_t len);
extern void homeo_fingerprint_final(const HomeoFingerprintBuilder *builder,
									HomeoFingerprint *out);

/* Absent texts have data NULL; empty ones count as absent. */
typedef struct HomeoFingerprintInput
{
	HomeoSlice	language;
	HomeoSlice	error_type;
	HomeoSlice	sqlstate;
	HomeoSlice	message;		/* as reported; is normalised here */
	HomeoSlice	schema_name;
	HomeoSlice	table_name;
	HomeoSlice	column_name;
	HomeoSlice	constraint_name;
	HomeoSlice	datatype_name;
	HomeoSlice	context;
	HomeoSlice	statement;		/* if homeo_fingerprint_reads_statement() */
	HomeoSlice	search_path;
	bool		imitated;		/* captured, but not the server's own error */
	bool		has_frames;		/* it came from a function: frames is set */
	HomeoFingerprint frames;	/* by homeo_fingerprint_frames() */
} HomeoFingerprintInput;

/*
 * What frames, innermost first as stacktrace.c leaves them, are for a
 * fingerprint.
 */
extern void homeo_fingerprint_frames(const HomeoFrame *frames, size_t nframes,
									 HomeoFingerprint *out);

/*
 * Fingerprint of the current version.  What makes two events one problem is
 * the kind (language, SQLSTATE, type), the normalised message, whether it is
 * the server's own error or a function raised one like it, and the place: the
 * named object where the server names one, else functions and files on the
 * stack, without line numbers.  Of errors that name no object the place is the
 * statement, too, without its values.
 */
extern void homeo_fingerprint_event(const HomeoFingerprintInput *in,
									HomeoFingerprint *out);

/*
 * Fingerprint of lines of a log that are of one template: of the text that
 * their first line had (see log_line.h), and the language.
 */
extern void homeo_fingerprint_line(HomeoSlice language, HomeoSlice line,
								   HomeoFingerprint *out);

/* Whether the statement matters; what is said of it itself does not. */
extern bool homeo_fingerprint_reads_statement(const HomeoFingerprintInput *in);

#endif							/* HOMEO_FINGERPRINT_H */
