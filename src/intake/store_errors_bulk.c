/*
 * store_errors_bulk.c
 *		Inserts events into the partitions of errors, many at once.
 *
 * Called by store_errors.c.  This does what an INSERT into errors does, of which
 * it saves a third.  errors is made by us, but is its owner's: where it
 * has a trigger, a policy, a rule, or a column that we know nothing of, the
 * rows are left to an INSERT.
 */
#include "postgres.h"

#include "intake/store_errors_bulk.h"

#include "access/table.h"
#include "base/bulk_insert.h"
#include "intake/error_row.h"
#include "intake/partition.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/rel.h"

/* A partition that rows go into. */
typedef struct HomeoTarget
{
	Oid			partition;
	Relation	table;
	int		   *columns;		/* for each attribute the number of ours; -1:
								 * it was dropped */
	HomeoBulkInsert *bulk;
} HomeoTarget;

/* Has the partition our columns, and no others? */
static bool
match_columns(HomeoTarget *target, const HomeoErrorRow *error)
{
	TupleDesc	tupdesc = RelationGetDescr(target->table);
	int			nmatched = 0;

	target->columns = palloc(sizeof(int) * tupdesc->natts);
	for (int a = 0; a < tupdesc->natts; a++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, a);
		int			c = 0;

		target->columns[a] = -1;
		if (attribute->attisdropped)
			continue;
		while (c < error->ncolumns &&
			   strcmp(error->columns[c].name, NameStr(attribute->attname)) != 0)
			c++;
		if (c == error->ncolumns ||
			error->columns[c].type != attribute->atttypid)
			return false;
		target->columns[a] = c;
		nmatched++;
	}
	return nmatched == error->ncolumns;
}

/* Opens a partition.  False: it has to be a statement. */
static bool
open_target(HomeoTarget *target, Oid partition, const HomeoErrorRow *error)
{
	target->partition = partition;
	target->bulk = NULL;
	target->table = table_open(partition, RowExclusiveLock);
	if (match_columns(target, error))
		target->bulk = homeo_bulk_insert_begin(target->table);
	return target->bulk != NULL;
}

static void
close_target(HomeoTarget *target)
{
	if (target->bulk != NULL)
		homeo_bulk_insert_end(target->bulk);
	pfree(target->columns);
	table_close(target->table, NoLock);
}

/*
 * Would an INSERT into errors do no more than to put rows into its partitions?
 * Where it may not, it says so best.
 */
static bool
is_plain(Relation errors)
{
	return errors->trigdesc == NULL && errors->rd_rules == NULL &&
		!errors->rd_rel->relforcerowsecurity &&
		pg_class_aclcheck(RelationGetRelid(errors), GetUserId(),
						  ACL_INSERT) == ACLCHECK_OK;
}

static void
add(HomeoTarget *target, const HomeoErrorRow *error)
{
	int			natts = RelationGetDescr(target->table)->natts;
	Datum		values[MaxTupleAttributeNumber];
	bool		isnull[MaxTupleAttributeNumber];

	for (int a = 0; a < natts; a++)
	{
		int			c = target->columns[a];

		values[a] = c < 0 ? (Datum) 0 : error->values[c];
		isnull[a] = c < 0 || error->isnull[c];
	}
	homeo_bulk_insert_add(target->bulk, values, isnull);
}

/*
 * Finds for each row its target among *ntargets, which are opened: all of them
 * before anything is inserted.  False: one can't be.
 */
static bool
open_targets(Relation errors, HomeoRow **rows, int nrows,
			 const HomeoErrorRow *error, int *target_of,
			 HomeoTarget *targets, int *ntargets)
{
	for (int i = 0; i < nrows; i++)
	{
		Oid			partition =
		homeo_partition_of(errors, rows[i]->prepared.event->timestamp);
		int			t = i > 0 ? target_of[i - 1] : 0;

		/* That of the row before, nearly always. */
		if (t == *ntargets || targets[t].partition != partition)
			for (t = 0; t < *ntargets && targets[t].partition != partition;)
				t++;
		if (t == *ntargets &&
			(!OidIsValid(partition) ||
			 !open_target(&targets[(*ntargets)++], partition, error)))
			return false;
		target_of[i] = t;
	}
	return true;
}

bool
homeo_store_errors_bulk(HomeoRow **rows, int nrows)
{
	Relation	errors = homeo_partition_open_errors(RowExclusiveLock);
	HomeoErrorRow error;
	HomeoTarget *targets = palloc(sizeof(*targets) * nrows);
	int		   *target_of = palloc(sizeof(*target_of) * nrows);
	int			ntargets = 0;
	bool		suited;

	homeo_error_row_begin(&error);
	suited = is_plain(errors) &&
		open_targets(errors, rows, nrows, &error, target_of, targets, &ntargets);
	for (int i = 0; i < nrows && suited; i++)
	{
		homeo_error_row_make(&error, rows[i]);
		add(&targets[target_of[i]], &error);
	}
	for (int t = 0; t < ntargets; t++)
		close_target(&targets[t]);
	homeo_error_row_end(&error);
	table_close(errors, NoLock);
	return suited;
}
