/*
 * image_file.h
 *		Keeps an image in a file of the data directory.
 */
#ifndef HOMEO_IMAGE_FILE_H
#define HOMEO_IMAGE_FILE_H

#include "rules/image.h"

/* The table that an image's rules come from. */
typedef struct HomeoImageOrigin
{
	Oid			database;
	Oid			relation;
} HomeoImageOrigin;

/*
 * Replaces what is stored; durable when it returns.  What the image's rules come
 * from is durable before.  Raises what the operating system refuses.
 */
extern void homeo_image_file_write(const HomeoImage *image,
								   HomeoImageOrigin origin);

/*
 * The stored image of these rules, palloc'd in CurrentMemoryContext.  NULL when
 * there is none that can be used; *problem is why, palloc'd, unless there is
 * none or it is of other rules.
 */
extern const HomeoImage *homeo_image_file_read(HomeoImageOrigin origin,
											   const char **problem);

#endif							/* HOMEO_IMAGE_FILE_H */
