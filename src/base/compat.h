/*
 * compat.h
 *		What differs between the versions of PostgreSQL this compiles for,
 *		15 to 18.  The only place that looks at PG_VERSION_NUM.
 *
 * The module is compiled with -fvisibility=hidden; what the server looks up
 * by name is marked PGDLLEXPORT (the Makefile gives that its meaning on 15).
 * Include this in every file that has a PG_FUNCTION_INFO_V1.
 */
#ifndef HOMEO_COMPAT_H
#define HOMEO_COMPAT_H

#include "fmgr.h"

#if PG_VERSION_NUM < 150000
#error "Homeostasis needs PostgreSQL 15 or newer"
#endif

/* Before 16, PG_FUNCTION_INFO_V1 exports the info record only. */
#if PG_VERSION_NUM < 160000
#undef PG_FUNCTION_INFO_V1
#define PG_FUNCTION_INFO_V1(funcname) \
	extern PGDLLEXPORT Datum funcname(PG_FUNCTION_ARGS); \
	extern PGDLLEXPORT const Pg_finfo_record *CppConcat(pg_finfo_, funcname) (void); \
	const Pg_finfo_record * \
	CppConcat(pg_finfo_, funcname) (void) \
	{ \
		static const Pg_finfo_record info = {1}; \
\
		return &info; \
	} \
	extern int	no_such_variable
#endif

#endif							/* HOMEO_COMPAT_H */
