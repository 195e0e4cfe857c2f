/*
 * scrub_named.h
 *		Secrets that are known by the name in front of them.
 */
#ifndef HOMEO_SCRUB_NAMED_H
#define HOMEO_SCRUB_NAMED_H

#include "intake/scrubber.h"

/*
 * At the start of a word: is it the name of a secret that follows?  Then both
 * have been dealt with.
 */
extern bool homeo_scrub_named_hide(HomeoScrubber *s);

/* Is the word from pos to end the name of a secret? */
extern bool homeo_scrub_named_is_key(const HomeoScrubber *s, size_t pos,
									 size_t end);

#endif							/* HOMEO_SCRUB_NAMED_H */
