/*
 * scrub_form.h
 *		Secrets that are known by their own form, or by their place in a URI.
 */
#ifndef HOMEO_SCRUB_FORM_H
#define HOMEO_SCRUB_FORM_H

#include "intake/scrubber.h"

/*
 * Hides the secret that begins here, and moves behind it; false if none does.
 */
extern bool homeo_scrub_form_hide(HomeoScrubber *s);

#endif							/* HOMEO_SCRUB_FORM_H */
