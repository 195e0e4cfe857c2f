/*
 * scrub_filter.h
 *		Texts in which homeo_scrub() would find nothing, told in a fraction of
 *		its time.
 */
#ifndef HOMEO_SCRUB_FILTER_H
#define HOMEO_SCRUB_FILTER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Compiles what is looked for, some 50 ms; once, before processes are
 * forked.  False: Vectorscan can't, and no text is cleared.
 */
extern bool homeo_scrub_filter_init(void);

/*
 * True: homeo_scrub() would leave the text as it is.  False says nothing.  Any
 * bytes are fine.  Allocates its scratch space, of some kilobytes, when a
 * process calls it first.
 */
extern bool homeo_scrub_filter_clears(const char *text, size_t len);

#endif							/* HOMEO_SCRUB_FILTER_H */
