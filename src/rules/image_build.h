/*
 * image_build.h
 *		Makes an image of rules.
 */
#ifndef HOMEO_IMAGE_BUILD_H
#define HOMEO_IMAGE_BUILD_H

#include "rules/image.h"

/*
 * An image of the rules, palloc'd in CurrentMemoryContext in one piece.  With
 * problem NULL there is no scan, and rules are found by their conditions only;
 * else it is made, which takes about 0.1 ms a rule, and *problem becomes NULL, or why
 * there is none, a constant.
 */
extern HomeoImage *homeo_image_build(const HomeoRule *rules, int nrules,
									 const char **problem);

#endif							/* HOMEO_IMAGE_BUILD_H */
