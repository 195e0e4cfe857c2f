/*
 * json.c
 *		Reads fields of a jsonb object and builds one field by field.
 *
 * May be called wherever palloc and ereport may.
 */
#include "postgres.h"

#include "base/json.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

Jsonb *
homeo_json_parse(const char *string)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
											  CStringGetDatum(string)));
}

char *
homeo_json_print(Jsonb *json)
{
	return JsonbToCString(NULL, &json->root, VARSIZE(json));
}

/* A missing or null field, or a json that is no object, gives NULL. */
static JsonbValue *
find_field(Jsonb *json, const char *field)
{
	JsonbValue *value;

	if (json == NULL || !JB_ROOT_IS_OBJECT(json))
		return NULL;
	value = getKeyJsonValueFromContainer(&json->root, field, strlen(field),
										 NULL);
	return value == NULL || value->type == jbvNull ? NULL : value;
}

static void
refuse_type(const char *field, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("field \"%s\" is not %s", field, wanted)));
}

char *
homeo_json_text(Jsonb *json, const char *field)
{
	JsonbValue *value = find_field(json, field);

	if (value == NULL)
		return NULL;
	if (value->type != jbvString)
		refuse_type(field, "a string");
	return pnstrdup(value->val.string.val, value->val.string.len);
}

Jsonb *
homeo_json_value(Jsonb *json, const char *field)
{
	JsonbValue *value = find_field(json, field);

	return value == NULL ? NULL : JsonbValueToJsonb(value);
}

bool
homeo_json_bool(Jsonb *json, const char *field, bool missing)
{
	JsonbValue *value = find_field(json, field);

	if (value == NULL)
		return missing;
	if (value->type != jbvBool)
		refuse_type(field, "true or false");
	return value->val.boolean;
}

List *
homeo_json_texts(Jsonb *json, const char *field)
{
	Jsonb	   *array = homeo_json_value(json, field);
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	element;
	List	   *texts = NIL;

	if (array == NULL)
		return NIL;
	if (!JB_ROOT_IS_ARRAY(array) || JB_ROOT_IS_SCALAR(array))
		refuse_type(field, "an array of strings");

	it = JsonbIteratorInit(&array->root);
	while ((token = JsonbIteratorNext(&it, &element, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (element.type != jbvString)
			refuse_type(field, "an array of strings");
		texts = lappend(texts, pnstrdup(element.val.string.val,
										element.val.string.len));
	}
	return texts;
}

void
homeo_json_begin(HomeoJsonBuilder *builder)
{
	builder->state = NULL;
	pushJsonbValue(&builder->state, WJB_BEGIN_OBJECT, NULL);
}

Jsonb *
homeo_json_end(HomeoJsonBuilder *builder)
{
	return JsonbValueToJsonb(pushJsonbValue(&builder->state, WJB_END_OBJECT,
											NULL));
}

static void
push_key(HomeoJsonBuilder *builder, const char *field)
{
	JsonbValue	key;

	key.type = jbvString;
	key.val.string.len = strlen(field);
	key.val.string.val = unconstify(char *, field);
	pushJsonbValue(&builder->state, WJB_KEY, &key);
}

static void
push_text(HomeoJsonBuilder *builder, JsonbIteratorToken token,
		  const char *string)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.len = strlen(string);
	value.val.string.val = pstrdup(string);
	pushJsonbValue(&builder->state, token, &value);
}

static void
push_json(HomeoJsonBuilder *builder, JsonbIteratorToken token, Jsonb *json)
{
	JsonbValue	value;

	value.type = jbvBinary;
	value.val.binary.len = VARSIZE(json) - VARHDRSZ;
	value.val.binary.data = &json->root;
	pushJsonbValue(&builder->state, token, &value);
}

void
homeo_json_add_null(HomeoJsonBuilder *builder, const char *field)
{
	JsonbValue	value;

	value.type = jbvNull;
	push_key(builder, field);
	pushJsonbValue(&builder->state, WJB_VALUE, &value);
}

void
homeo_json_add_text(HomeoJsonBuilder *builder, const char *field,
					const char *string)
{
	if (string == NULL)
	{
		homeo_json_add_null(builder, field);
		return;
	}
	push_key(builder, field);
	push_text(builder, WJB_VALUE, string);
}

void
homeo_json_add_bool(HomeoJsonBuilder *builder, const char *field, bool boolean)
{
	JsonbValue	value;

	value.type = jbvBool;
	value.val.boolean = boolean;
	push_key(builder, field);
	pushJsonbValue(&builder->state, WJB_VALUE, &value);
}

static void
add_numeric(HomeoJsonBuilder *builder, const char *field, Datum numeric)
{
	JsonbValue	value;

	value.type = jbvNumeric;
	value.val.numeric = DatumGetNumeric(numeric);
	push_key(builder, field);
	pushJsonbValue(&builder->state, WJB_VALUE, &value);
}

void
homeo_json_add_int(HomeoJsonBuilder *builder, const char *field, int64 value)
{
	add_numeric(builder, field,
				DirectFunctionCall1(int8_numeric, Int64GetDatum(value)));
}

void
homeo_json_add_float(HomeoJsonBuilder *builder, const char *field,
					 double value)
{
	add_numeric(builder, field,
				DirectFunctionCall1(float8_numeric, Float8GetDatum(value)));
}

void
homeo_json_add_value(HomeoJsonBuilder *builder, const char *field, Jsonb *json)
{
	if (json == NULL)
	{
		homeo_json_add_null(builder, field);
		return;
	}
	push_key(builder, field);
	push_json(builder, WJB_VALUE, json);
}

void
homeo_json_add_texts(HomeoJsonBuilder *builder, const char *field,
					 List *values)
{
	ListCell   *lc;

	push_key(builder, field);
	pushJsonbValue(&builder->state, WJB_BEGIN_ARRAY, NULL);
	foreach(lc, values)
		push_text(builder, WJB_ELEM, (const char *) lfirst(lc));
	pushJsonbValue(&builder->state, WJB_END_ARRAY, NULL);
}

void
homeo_json_add_values(HomeoJsonBuilder *builder, const char *field,
					  List *values)
{
	ListCell   *lc;

	push_key(builder, field);
	pushJsonbValue(&builder->state, WJB_BEGIN_ARRAY, NULL);
	foreach(lc, values)
		push_json(builder, WJB_ELEM, (Jsonb *) lfirst(lc));
	pushJsonbValue(&builder->state, WJB_END_ARRAY, NULL);
}
