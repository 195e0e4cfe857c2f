/*
 * positions.c
 *		How far the ring and the journal are stored, as the tables know it.
 *
 * Of the journal there is a row for each life of the server and each consumer,
 * with a position for each bucket: the next life may have another number of
 * consumers, which share the buckets in another way, and may store what is left
 * of this one.  Each position only grows, within a row as well, so the largest
 * that any row has is the one that holds.
 */
#include "postgres.h"

#include "intake/positions.h"

#include "base/spi.h"
#include "catalog/pg_type.h"
#include "intake/journal.h"
#include "intake/kept.h"
#include "utils/builtins.h"

uint64
homeo_positions_of_ring(int consumer)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {INT4OID, INT8OID};
	Datum		values[2];

	values[0] = Int32GetDatum(consumer);
	values[1] = Int64GetDatum((int64) homeo_ring_epoch());
	homeo_spi_run(&plan,
				  "select position from homeostasis.intake_positions"
				  " where consumer = $1 and epoch = $2", 2, types, values, SPI_OK_SELECT);
	return SPI_processed == 1 ? (uint64) DatumGetInt64(homeo_spi_value(0, 1)) : 0;
}

void
homeo_positions_store_ring(int consumer, uint64 position)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {INT4OID, INT8OID, INT8OID};
	Datum		values[3];

	values[0] = Int32GetDatum(consumer);
	values[1] = Int64GetDatum((int64) homeo_ring_epoch());
	values[2] = Int64GetDatum((int64) position);
	homeo_spi_run(&plan,
				  "insert into homeostasis.intake_positions as p"
				  " (consumer, epoch, position) values ($1, $2, $3)"
				  " on conflict (consumer) do update set epoch = $2,"
				  " position = $3, stored_at = now()", 3, types, values, SPI_OK_INSERT);
}

void
homeo_positions_raise(uint64 stored[HOMEO_BUCKETS], ArrayType *positions)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(positions, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &elements, &nulls, &n);
	for (int i = 0; i < Min(n, HOMEO_BUCKETS); i++)
	{
		if (!nulls[i])
			stored[i] = Max(stored[i], (uint64) DatumGetInt64(elements[i]));
	}
}

void
homeo_positions_of_journal(uint64 epoch, HomeoJournalPast *past)
{
	static SPIPlanPtr plan = NULL;
	Oid			type = INT8OID;
	Datum		value = Int64GetDatum((int64) epoch);

	memset(past, 0, sizeof(*past));
	homeo_spi_run(&plan,
				  "select positions from homeostasis.journal_positions where epoch = $1",
				  1, &type, &value, SPI_OK_SELECT);
	past->known = SPI_processed > 0;
	for (uint64 i = 0; i < SPI_processed; i++)
		homeo_positions_raise(past->stored,
							  DatumGetArrayTypeP(homeo_spi_value(i, 1)));
	homeo_kept_add(epoch, past);
}

void
homeo_positions_store_journal(int consumer, uint64 epoch, uint64 position)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {INT8OID, INT4OID, INT8ARRAYOID};
	Datum		positions[HOMEO_BUCKETS];
	Datum		values[3];

	for (int i = 0; i < HOMEO_BUCKETS; i++)
		positions[i] = Int64GetDatum(homeo_journal_consumer(i) == consumer ?
									 (int64) position : 0);
	values[0] = Int64GetDatum((int64) epoch);
	values[1] = Int32GetDatum(consumer);
	values[2] = PointerGetDatum(construct_array(positions, HOMEO_BUCKETS,
												INT8OID, sizeof(int64),
												FLOAT8PASSBYVAL,
												TYPALIGN_DOUBLE));
	homeo_spi_run(&plan,
				  "insert into homeostasis.journal_positions as p"
				  " (epoch, consumer, positions) values ($1, $2, $3)"
				  " on conflict (epoch, consumer) do update"
				  " set positions = (select array_agg(greatest(u.old, u.new) order by u.bucket)"
				  "                  from unnest(p.positions, $3) with ordinality as u (old, new, bucket)),"
				  " stored_at = now()",
				  3, types, values, SPI_OK_INSERT);
}
