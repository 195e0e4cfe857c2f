/*
 * source.c
 *		The bytes of a file, as they are or as gzip has them.
 */
#include "agent/source.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

bool
agent_source_open(HomeoSource *source, const char *path)
{
	unsigned char magic[2];
	int			copy;

	source->gz = NULL;
	/* A pipe in the place of a file must not stop the agent. */
	source->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (source->fd < 0)
		return false;
	if (pread(source->fd, magic, 2, 0) != 2 || magic[0] != 0x1f ||
		magic[1] != 0x8b)
		return true;

	copy = fcntl(source->fd, F_DUPFD_CLOEXEC, 0);
	source->gz = copy < 0 ? NULL : gzdopen(copy, "rb");
	if (source->gz == NULL)
	{
		if (copy >= 0)
			close(copy);
		close(source->fd);
		source->fd = -1;
		errno = ENOMEM;
		return false;
	}
	(void) gzbuffer(source->gz, 64 * 1024);
	return true;
}

void
agent_source_close(HomeoSource *source)
{
	if (source->gz != NULL)
		(void) gzclose(source->gz);
	if (source->fd >= 0)
		close(source->fd);
	source->gz = NULL;
	source->fd = -1;
}

bool
agent_source_stat(const HomeoSource *source, struct stat *st)
{
	return source->fd >= 0 && fstat(source->fd, st) == 0;
}

ssize_t
agent_source_read(HomeoSource *source, int64_t offset, void *bytes, size_t len)
{
	int			got;
	int			problem;

	if (source->gz == NULL)
		return pread(source->fd, bytes, len, (off_t) offset);
	if (gztell(source->gz) != offset &&
		gzseek(source->gz, (z_off_t) offset, SEEK_SET) < 0)
		got = -1;
	else
		got = gzread(source->gz, bytes, (unsigned) len);
	if (got > 0)
		return got;
	(void) gzerror(source->gz, &problem);
	if (problem == Z_OK || problem == Z_STREAM_END)
		return 0;
	if (problem == Z_BUF_ERROR)
		return AGENT_SOURCE_INCOMPLETE;
	if (problem != Z_ERRNO)
		errno = EIO;
	return -1;
}

bool
agent_source_read_all(HomeoSource *source, int64_t offset, void *bytes,
					  size_t len)
{
	while (len > 0)
	{
		ssize_t		got = agent_source_read(source, offset, bytes, len);

		if (got <= 0)
			return false;
		offset += got;
		bytes = (char *) bytes + got;
		len -= (size_t) got;
	}
	return true;
}
