/*
 * row.c
 *		A prepared event on its way into a row, and the orders of rows.
 */
#include "postgres.h"

#include "intake/row.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

void
homeo_row_refuse(HomeoRow *row, const char *field, const char *reason)
{
	row->occurrences = 0;
	row->refused_field = field;
	row->refusal = reason;
}

int
homeo_row_compare_int64(int64 a, int64 b)
{
	return (a > b) - (a < b);
}

/*
 * By service, fingerprint, time and event.  Before service ids are known, by
 * the service's kind and name; both orders keep a fingerprint together.
 */
int
homeo_row_compare(const void *a, const void *b)
{
	const HomeoRow *x = *(HomeoRow *const *) a;
	const HomeoRow *y = *(HomeoRow *const *) b;
	const HomeoEvent *ex = x->prepared.event;
	const HomeoEvent *ey = y->prepared.event;
	int			result = x->prepared.of_database - y->prepared.of_database;

	if (result == 0)
		result = strcmp(x->prepared.service, y->prepared.service);
	if (result == 0)
		result = memcmp(&x->prepared.fingerprint, &y->prepared.fingerprint,
						UUID_LEN);
	if (result == 0)
		result = homeo_row_compare_int64(ex->timestamp, ey->timestamp);
	if (result == 0)
		result = memcmp(&ex->event_id, &ey->event_id, UUID_LEN);
	return result;
}

/* The order of the primary key of errors. */
int
homeo_row_compare_key(const void *a, const void *b)
{
	const HomeoRow *x = *(HomeoRow *const *) a;
	const HomeoRow *y = *(HomeoRow *const *) b;
	int			result = homeo_row_compare_int64(x->service_id, y->service_id);

	if (result == 0)
		result = memcmp(&x->prepared.event->event_id,
						&y->prepared.event->event_id, UUID_LEN);
	if (result == 0)
		result = homeo_row_compare_int64(x->prepared.event->timestamp,
										 y->prepared.event->timestamp);
	return result;
}

static int
compare_text(const HomeoText *a, const HomeoText *b)
{
	int			result = memcmp(a->data ? a->data : "",
								b->data ? b->data : "",
								Min(a->len, b->len));

	return result != 0 ? result : homeo_row_compare_int64(a->len, b->len);
}

TimestampTz
homeo_minute_of(TimestampTz timestamp)
{
	TimestampTz rest = timestamp % USECS_PER_MINUTE;

	return timestamp - (rest < 0 ? rest + USECS_PER_MINUTE : rest);
}

TimestampTz
homeo_row_minute(const HomeoRow *row)
{
	return homeo_minute_of(row->prepared.event->timestamp);
}

bool
homeo_row_same_minute(const HomeoRow *a, const HomeoRow *b)
{
	return homeo_row_minute(a) == homeo_row_minute(b) &&
		compare_text(&a->prepared.event->text[HOMEO_FIELD_RELEASE],
					 &b->prepared.event->text[HOMEO_FIELD_RELEASE]) == 0;
}

int
homeo_row_compare_minute(const HomeoRow *x, const HomeoRow *y)
{
	int			result = homeo_row_compare_int64(homeo_row_minute(x),
												 homeo_row_minute(y));

	if (result == 0)
		result = compare_text(&x->prepared.event->text[HOMEO_FIELD_RELEASE],
							  &y->prepared.event->text[HOMEO_FIELD_RELEASE]);
	if (result == 0)
		result = homeo_row_compare_int64(x->prepared.event->timestamp,
										 y->prepared.event->timestamp);
	if (result == 0)
		result = memcmp(&x->prepared.event->event_id,
						&y->prepared.event->event_id, UUID_LEN);
	return result;
}

int
homeo_row_compare_group(const void *a, const void *b)
{
	const HomeoRow *x = *(HomeoRow *const *) a;
	const HomeoRow *y = *(HomeoRow *const *) b;
	int			result = homeo_row_compare_int64(x->service_id, y->service_id);

	if (result == 0)
		result = memcmp(&x->prepared.fingerprint, &y->prepared.fingerprint,
						UUID_LEN);
	if (result == 0)
		result = homeo_row_compare_minute(x, y);
	return result;
}

bool
homeo_row_same_problem(const HomeoRow *a, const HomeoRow *b)
{
	return a->service_id == b->service_id &&
		memcmp(&a->prepared.fingerprint, &b->prepared.fingerprint,
			   UUID_LEN) == 0;
}

int
homeo_row_run_end(HomeoRow **rows, int nrows, int start,
				  bool (*same) (const HomeoRow *, const HomeoRow *))
{
	int			end = start + 1;

	while (end < nrows && same(rows[start], rows[end]))
		end++;
	return end;
}

void
homeo_row_put_text(Datum *value, bool *isnull, const HomeoText *from)
{
	*isnull = from->data == NULL;
	if (!*isnull)
		*value = PointerGetDatum(cstring_to_text_with_len(from->data,
														  (int) from->len));
}
