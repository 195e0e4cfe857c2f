/*
 * image_build.h
 *		Makes an image of rules.
 */
#ifndef HOMEO_IMAGE_BUILD_H
#define HOMEO_IMAGE_BUILD_H

#include "rules/image.h"
#include "rules/scan_compile.h"

/* A database of Vectorscan, serialised, over so many of the sources. */
typedef struct HomeoImageDatabase
{
	int			kind;			/* set by image_build.c */
	int		   *numbers;		/* the source of each expression */
	int			n;
	char	   *bytes;
	size_t		len;
} HomeoImageDatabase;

/*
 * Compiles so many sources: a list of HomeoImageDatabase *, in which each source
 * is at most once.  Those that are in none have to be tried without a scan.
 */
typedef List *(*HomeoImageCompile) (const HomeoScanSource *sources, int n,
									void *arg);

/*
 * An image of the rules, palloc'd in CurrentMemoryContext in one piece.  Their
 * patterns are compiled by compile; with NULL there is no scan, and rules are
 * found by their conditions only.
 */
extern HomeoImage *homeo_image_build(const HomeoRule *rules, int nrules,
									 HomeoImageCompile compile, void *arg);

#endif							/* HOMEO_IMAGE_BUILD_H */
