/*
 * json.h
 *		Reads fields of a jsonb object and builds one field by field.
 *
 * What is returned is allocated in CurrentMemoryContext.
 */
#ifndef HOMEO_JSON_H
#define HOMEO_JSON_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/* Parses text; raises the server's error when it is not JSON. */
extern Jsonb *homeo_json_parse(const char *string);
extern char *homeo_json_print(Jsonb *json);

/*
 * A field of an object.  NULL: the field is missing, null, or json is no
 * object.  A field of another type than asked for raises
 * ERRCODE_INVALID_PARAMETER_VALUE with the field's name.
 */
extern char *homeo_json_text(Jsonb *json, const char *field);
extern Jsonb *homeo_json_value(Jsonb *json, const char *field);
extern bool homeo_json_bool(Jsonb *json, const char *field, bool missing);

/* The same for an array of strings: a List of char *; NIL: missing or empty. */
extern List *homeo_json_texts(Jsonb *json, const char *field);

/* An object or array that is being built. */
typedef struct HomeoJsonBuilder
{
	JsonbParseState *state;
} HomeoJsonBuilder;

extern void homeo_json_begin(HomeoJsonBuilder *builder);
extern Jsonb *homeo_json_end(HomeoJsonBuilder *builder);

/* A NULL value becomes null. */
extern void homeo_json_add_text(HomeoJsonBuilder *builder, const char *field,
								const char *value);
extern void homeo_json_add_bool(HomeoJsonBuilder *builder, const char *field,
								bool value);
extern void homeo_json_add_int(HomeoJsonBuilder *builder, const char *field,
							   int64 value);
extern void homeo_json_add_float(HomeoJsonBuilder *builder, const char *field,
								 double value);
extern void homeo_json_add_value(HomeoJsonBuilder *builder, const char *field,
								 Jsonb *value);
extern void homeo_json_add_null(HomeoJsonBuilder *builder, const char *field);

/* An array of a List of char *, or of Jsonb *. */
extern void homeo_json_add_texts(HomeoJsonBuilder *builder, const char *field,
								 List *values);
extern void homeo_json_add_values(HomeoJsonBuilder *builder, const char *field,
								  List *values);

#endif							/* HOMEO_JSON_H */
