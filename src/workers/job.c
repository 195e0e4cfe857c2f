/*
 * job.c
 *		Claims jobs of the operator, has them run, and stores their results.
 *
 * What the healer and homeostasis.advance() have in common.  A job is claimed
 * in one transaction and completed in another; between them this process may
 * end, and then the lease of the claim tells others when to try again.
 */
#include "postgres.h"

#include "workers/job.h"

#include "base/guc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/xid8.h"

int
homeo_job_advance_states(void)
{
	bool		isnull;
	Datum		moves;

	if (SPI_execute("select homeostasis.advance_states()::pg_catalog.int4", false, 0) !=
		SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "advance_states() failed");
	moves = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
						  &isnull);
	return isnull ? 0 : DatumGetInt32(moves);
}

HomeoJob *
homeo_job_make(const char *kind, const char *database, Jsonb *payload)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext,
												  "homeostasis job",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	HomeoJob   *job = palloc0(sizeof(HomeoJob));

	job->context = context;
	job->kind = pstrdup(kind);
	job->payload = palloc(VARSIZE(payload));
	memcpy(job->payload, payload, VARSIZE(payload));
	homeo_operator_find_database(database, &job->database, &job->result);
	MemoryContextSwitchTo(old);
	return job;
}

HomeoJob *
homeo_job_claim(void)
{
	Oid			types[1] = {FLOAT8OID};
	Datum		values[1] = {Float8GetDatum(homeo_guc_lease)};
	HeapTuple	tuple;
	TupleDesc	desc;
	Datum		payload;
	bool		isnull;
	HomeoJob   *job;

	if (SPI_execute_with_args("select c.id, c.kind, c.database, c.payload"
							  " from homeostasis.claim_job('operator',"
							  "   pg_catalog.make_interval(secs => $1)) c",
							  1, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "claim_job() failed");
	if (SPI_processed == 0)
		return NULL;

	tuple = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	payload = SPI_getbinval(tuple, desc, 4, &isnull);
	job = homeo_job_make(SPI_getvalue(tuple, desc, 2),
						 SPI_getvalue(tuple, desc, 3),
						 isnull ? homeo_json_parse("{}") : DatumGetJsonbP(payload));
	job->id = DatumGetInt64(SPI_getbinval(tuple, desc, 1, &isnull));
	return job;
}

void
homeo_job_note_commit(HomeoJob *job)
{
	Oid			types[2] = {INT8OID, XID8OID};
	Datum		values[2] = {
		Int64GetDatum(job->id), FullTransactionIdGetDatum(job->xid)
	};
	bool		isnull;

	if (SPI_execute_with_args("select homeostasis.note_commit($1, $2)",
							  2, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "note_commit() failed");
	job->may_commit = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0],
												 SPI_tuptable->tupdesc, 1,
												 &isnull));
}

void
homeo_job_complete(HomeoJob *job)
{
	Oid			types[2] = {INT8OID, TEXTOID};
	Datum		values[2] = {
		Int64GetDatum(job->id), CStringGetTextDatum(job->result)
	};

	if (SPI_execute_with_args("select homeostasis.complete_job($1, $2::pg_catalog.jsonb)",
							  2, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "complete_job() failed");
}

void
homeo_job_start(HomeoJob *job)
{
	MemoryContext old = MemoryContextSwitchTo(job->context);

	if (job->result == NULL)
		job->operator = homeo_operator_start(job->kind, job->database,
											 job->payload);
	MemoryContextSwitchTo(old);
}

HomeoOperatorNews
homeo_job_poll(HomeoJob *job)
{
	HomeoOperatorNews news;
	MemoryContext old;

	if (job->operator == NULL)
		return HOMEO_OPERATOR_ENDED;
	old = MemoryContextSwitchTo(job->context);
	news = homeo_operator_poll(job->operator, &job->xid, &job->result);
	if (news == HOMEO_OPERATOR_ENDED)
		job->operator = NULL;
	MemoryContextSwitchTo(old);
	return news;
}

void
homeo_job_answer(HomeoJob *job)
{
	homeo_operator_answer(job->operator, job->may_commit);
}

void
homeo_job_free(HomeoJob *job)
{
	if (job->operator != NULL)
		homeo_operator_stop(job->operator);
	MemoryContextDelete(job->context);
}
