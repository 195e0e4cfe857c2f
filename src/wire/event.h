/*
 * event.h
 *		What an event may hold: the keys of its JSON object, and their limits.
 *
 * The server module and the companion program agree on these; neither may
 * change them alone.  docs/intake.md tells reporters the same.  Plain C that
 * includes nothing.
 */
#ifndef HOMEO_WIRE_EVENT_H
#define HOMEO_WIRE_EVENT_H

#define HOMEO_WIRE_ERROR_ID			"error_id"
#define HOMEO_WIRE_TIMESTAMP		"timestamp"
#define HOMEO_WIRE_LEVEL			"level"
#define HOMEO_WIRE_SERVICE			"service"
#define HOMEO_WIRE_LANGUAGE			"language"
#define HOMEO_WIRE_ERROR_TYPE		"error_type"
#define HOMEO_WIRE_SQLSTATE			"sqlstate"
#define HOMEO_WIRE_MESSAGE			"error_message"
#define HOMEO_WIRE_DETAIL			"detail"
#define HOMEO_WIRE_HINT				"hint"
#define HOMEO_WIRE_CONTEXT			"context"
#define HOMEO_WIRE_STATEMENT		"statement"
#define HOMEO_WIRE_STACK			"stack_trace"
#define HOMEO_WIRE_DATABASE			"database"
#define HOMEO_WIRE_ROLE				"role"
#define HOMEO_WIRE_APPLICATION		"application_name"
#define HOMEO_WIRE_SEARCH_PATH		"search_path"
#define HOMEO_WIRE_SCHEMA			"schema_name"
#define HOMEO_WIRE_TABLE			"table_name"
#define HOMEO_WIRE_COLUMN			"column_name"
#define HOMEO_WIRE_CONSTRAINT		"constraint_name"
#define HOMEO_WIRE_DATATYPE			"datatype_name"
#define HOMEO_WIRE_RELEASE			"release"
#define HOMEO_WIRE_ENVIRONMENT		"environment"
#define HOMEO_WIRE_CLASSIFICATION	"normalized_classification"
#define HOMEO_WIRE_METADATA			"metadata"

/* Bytes. */
#define HOMEO_WIRE_ID_LIMIT			200
#define HOMEO_WIRE_SERVICE_LIMIT	200
#define HOMEO_WIRE_LANGUAGE_LIMIT	64
#define HOMEO_WIRE_SQLSTATE_LIMIT	5
#define HOMEO_WIRE_NAME_LIMIT		256
#define HOMEO_WIRE_MESSAGE_LIMIT	(16 * 1024)
#define HOMEO_WIRE_TEXT_LIMIT		(8 * 1024)
#define HOMEO_WIRE_STACK_LIMIT		(64 * 1024)
#define HOMEO_WIRE_JSON_LIMIT		(64 * 1024)

/* Objects and arrays in an event may be nested this deep. */
#define HOMEO_WIRE_MAX_DEPTH		32

#endif							/* HOMEO_WIRE_EVENT_H */
