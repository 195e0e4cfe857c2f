/*
 * files.h
 *		Small files that are written whole or not at all, and gzip.
 */
#ifndef HOMEO_AGENT_FILES_H
#define HOMEO_AGENT_FILES_H

#include "agent/buffer.h"

/* Makes a directory, for its owner only, and those above it. */
extern bool agent_make_directory(const char *path);

/*
 * Replaces a file: after the return it is the old or the new one, whatever
 * happens to the machine.  False, with errno, leaves the old one.
 */
extern bool agent_write_file(const char *path, HomeoSpan content);

/* Adds the content of a file; false, with errno, if it cannot be read. */
extern bool agent_read_file(const char *path, HomeoBuffer *content);

/* Adds the bytes, compressed by gzip, or what they were.  False: damaged. */
extern void agent_gzip(HomeoSpan bytes, HomeoBuffer *out);
extern bool agent_gunzip(HomeoSpan bytes, HomeoBuffer *out);

#endif							/* HOMEO_AGENT_FILES_H */
