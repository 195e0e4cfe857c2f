/*
 * image_check.h
 *		Whether an image may be used.
 */
#ifndef HOMEO_IMAGE_CHECK_H
#define HOMEO_IMAGE_CHECK_H

#include "rules/image.h"

/*
 * True if all that an image refers to lies in it and is of its kind, so that
 * finding rules in it ends and reads nothing else.  The image has as many
 * bytes as its size says.  Raises an error when there is no memory.
 */
extern bool homeo_image_check(const HomeoImage *image);

#endif							/* HOMEO_IMAGE_CHECK_H */
