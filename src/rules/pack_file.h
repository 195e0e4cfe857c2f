/*
 * pack_file.h
 *		Rules that are in files.
 */
#ifndef HOMEO_PACK_FILE_H
#define HOMEO_PACK_FILE_H

#include "fmgr.h"

/* SQL functions of this file; see sql/code/pack.sql. */
extern Datum homeo_installed_packs(PG_FUNCTION_ARGS);
extern Datum homeo_installed_pack(PG_FUNCTION_ARGS);

#endif							/* HOMEO_PACK_FILE_H */
