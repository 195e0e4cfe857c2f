/*
 * source.h
 *		The bytes of a file, as they are or as gzip has them.
 */
#ifndef HOMEO_AGENT_SOURCE_H
#define HOMEO_AGENT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

typedef struct HomeoSource
{
	int			fd;				/* -1: closed */
	void	   *gz;				/* NULL: not compressed */
} HomeoSource;

/* What agent_source_read() gives for a gzip'ed file that breaks off. */
#define AGENT_SOURCE_INCOMPLETE		(-2)

/* False, with errno, if the file cannot be read. */
extern bool agent_source_open(HomeoSource *source, const char *path);
extern void agent_source_close(HomeoSource *source);
extern bool agent_source_stat(const HomeoSource *source, struct stat *st);

/*
 * Reads up to len bytes at offset, counted without compression.  0: there are
 * none yet; -1: errno; AGENT_SOURCE_INCOMPLETE: somebody may still be writing
 * the file, so close it and try again later.
 */
extern ssize_t agent_source_read(HomeoSource *source, int64_t offset,
								 void *bytes, size_t len);

/* All len of them, or false. */
extern bool agent_source_read_all(HomeoSource *source, int64_t offset,
								  void *bytes, size_t len);

#endif							/* HOMEO_AGENT_SOURCE_H */
