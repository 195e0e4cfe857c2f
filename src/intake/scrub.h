/*
 * scrub.h
 *		Removes secrets from a text before it is stored.
 *
 * Needs nothing from the server.  Pure: no state, no allocation.
 */
#ifndef HOMEO_SCRUB_H
#define HOMEO_SCRUB_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Replaces secrets in text by asterisks, in place, and returns the new
 * length, which is never more than len.  Knows passwords in SQL, connection
 * strings, URIs, JSON and HTTP headers, tokens and keys by their names or
 * their well-known prefixes, PEM private keys, and payment card numbers, of
 * which the last four digits stay.  A secret that the end of the text cuts
 * off is removed up to that end.  Any bytes are fine; valid UTF-8 stays
 * valid.  Takes time linear in len.
 */
extern size_t homeo_scrub(char *text, size_t len);

/*
 * Does the statement name a secret, or call what takes one?  Then one of its
 * parameters may be it, and nothing beside their list says which.
 */
extern bool homeo_scrub_takes_secrets(const char *statement, size_t len);

/*
 * The same as homeo_scrub() for the values in a list of parameters as the
 * server writes it: parameters: $1 = 'x', $2 = NULL.
 */
extern size_t homeo_scrub_parameters(char *text, size_t len);

#endif							/* HOMEO_SCRUB_H */
