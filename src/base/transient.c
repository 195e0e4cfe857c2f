/*
 * transient.c
 *		Rows in memory that statements see as a relation.
 *
 * So many rows take part in one statement, without its text or its plan
 * depending on how many there are.
 */
#include "postgres.h"

#include "base/transient.h"

#include "base/memory.h"
#include "base/worker.h"
#include "executor/spi.h"
#include "utils/queryenvironment.h"

/* Beyond it the rows go to a file; a worker takes a quarter of its share. */
#define MEMORY_KB	(32 * 1024)

static int
memory_kb(void)
{
	int64		quarter_kb = homeo_memory_share() / 4 / 1024;

	return homeo_worker_is_mine() ? (int) Min(quarter_kb, MEMORY_KB) : MEMORY_KB;
}

HomeoTransient *
homeo_transient_make(const char *name, const HomeoTransientColumn *columns, int ncolumns)
{
	HomeoTransient *relation = palloc(sizeof(HomeoTransient));

	relation->name = name;
	relation->tupdesc = CreateTemplateTupleDesc(ncolumns);
	for (int i = 0; i < ncolumns; i++)
		TupleDescInitEntry(relation->tupdesc, i + 1, columns[i].name,
						   columns[i].type, -1, 0);
	relation->store = tuplestore_begin_heap(true, false, memory_kb());
	relation->nrows = 0;
	return relation;
}

void
homeo_transient_add(HomeoTransient *relation, Datum *values, bool *nulls)
{
	tuplestore_putvalues(relation->store, relation->tupdesc, values, nulls);
	relation->nrows++;
}

void
homeo_transient_register(HomeoTransient *relation)
{
	EphemeralNamedRelation enr = palloc0(sizeof(*enr));

	enr->md.name = pstrdup(relation->name);
	enr->md.tupdesc = relation->tupdesc;
	enr->md.enrtype = ENR_NAMED_TUPLESTORE;
	enr->md.enrtuples = relation->nrows;
	enr->reldata = relation->store;
	if (SPI_register_relation(enr) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register relation \"%s\"", relation->name);
}

void
homeo_transient_end(HomeoTransient *relation)
{
	homeo_memory_note();
	tuplestore_end(relation->store);
}
