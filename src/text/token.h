/*
 * token.h
 *		Recognises the parts of a text that differ from one occurrence of a
 *		problem to the next: numbers, dates, addresses, paths and the like
 *		(token_*.c).
 *
 * Called by normalize.c and sql_text.c, in any process, also without
 * PostgreSQL: none of token_*.c includes postgres.h, so that they can be built
 * and fuzzed alone.  No locks, no memory of their own.
 *
 * Pure.  Each function looks at the start of the len bytes at p and returns
 * how many of them it recognises, 0 for none.  The caller makes sure that p is
 * where a word could begin.  What follows the recognised part never continues
 * a word.  None looks further ahead than a few hundred bytes unless it
 * recognises, or rejects, a single word that the caller then steps over as a
 * whole.
 */
#ifndef HOMEO_TOKEN_H
#define HOMEO_TOKEN_H

#include <stddef.h>

/* token_hex.c */

/* 8-4-4-4-12 hexadecimal digits; '_' may follow. */
extern size_t homeo_token_uuid(const char *p, size_t len);

/*
 * At least 16 hexadecimal digits, some of them letters and some not, or just
 * 24, the name of a WAL segment, or 0x and any number of them; '_' may follow.
 */
extern size_t homeo_token_hex(const char *p, size_t len);

/* 01:23:45:67:89:ab, and longer ones */
extern size_t homeo_token_pairs(const char *p, size_t len);

/* PostgreSQL's \x01ab, and its log positions such as 0/16B3748. */
extern size_t homeo_token_bytea(const char *p, size_t len);
extern size_t homeo_token_lsn(const char *p, size_t len);

/* token_address.c */

/* v4 or v6, with a port or a prefix length. */
extern size_t homeo_token_ip(const char *p, size_t len);

extern size_t homeo_token_email(const char *p, size_t len);
extern size_t homeo_token_url(const char *p, size_t len);

/*
 * A host is a dotted name that ends like a host's, with a port and a path if
 * there are any.  *seen gets the length of the dotted name whether or not it
 * is a host's: none of its later labels need to be tried.
 */
extern size_t homeo_token_host(const char *p, size_t len, size_t *seen);

/* token_date.c */

/*
 * A date in a usual form, with a time and a zone if there are any; or a time
 * of day that has a zone or a half of the day.
 */
extern size_t homeo_token_date(const char *p, size_t len);

/* token_number.c */

/*
 * A bare 12:34:56 may be either a time or a duration and must always be the
 * same, so it is a duration.
 */
extern size_t homeo_token_duration(const char *p, size_t len);

/* 12kB, 1.5 MiB, 4096 bytes */
extern size_t homeo_token_size(const char *p, size_t len);

/* 7, -1.5e10, 1,234,567, 1.2.3: with its sign, if p is at one. */
extern size_t homeo_token_number(const char *p, size_t len);

/* token_path.c */

/* Absolute ones; a Windows path may have blanks inside. */
extern size_t homeo_token_path(const char *p, size_t len);

#endif							/* HOMEO_TOKEN_H */
