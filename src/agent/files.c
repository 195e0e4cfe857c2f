/*
 * files.c
 *		Small files that are written whole or not at all, and gzip.
 */
#include "agent/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "agent/say.h"

/* zlib's window of 32 kB, in gzip's format. */
#define GZIP_WINDOW		(15 + 16)

/* A batch never has more: a file that is none must not fill the memory. */
#define UNPACKED_LIMIT	((size_t) 64 * 1024 * 1024)

bool
agent_make_directory(const char *path)
{
	char		part[PATH_MAX];
	size_t		len = strlen(path);
	struct stat st;

	if (len >= sizeof(part))
	{
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(part, path, len + 1);
	for (char *p = part + 1; *p != '\0'; p++)
	{
		if (*p != '/')
			continue;
		*p = '\0';
		(void) mkdir(part, 0755);
		*p = '/';
	}
	if (mkdir(part, 0700) == 0)
		return true;
	if (errno != EEXIST || stat(part, &st) != 0)
		return false;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode);
}

static bool
write_all(int fd, HomeoSpan content)
{
	while (content.len > 0)
	{
		ssize_t		n = write(fd, content.data, content.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		content = agent_span_from(content, (size_t) n);
	}
	return true;
}

/* Makes the names in a file's directory durable. */
static bool
sync_directory_of(const char *path)
{
	char		directory[PATH_MAX];
	char	   *slash;
	int			fd;
	bool		done;

	snprintf(directory, sizeof(directory), "%s", path);
	slash = strrchr(directory, '/');
	if (slash == NULL)
		snprintf(directory, sizeof(directory), ".");
	else
		slash[slash == directory ? 1 : 0] = '\0';
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	done = fsync(fd) == 0;
	close(fd);
	return done;
}

bool
agent_write_file(const char *path, HomeoSpan content)
{
	char		temporary[PATH_MAX];
	int			fd;
	int			problem;

	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >=
		(int) sizeof(temporary))
	{
		errno = ENAMETOOLONG;
		return false;
	}
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	if (write_all(fd, content) && fsync(fd) == 0)
	{
		if (close(fd) == 0 && rename(temporary, path) == 0 && sync_directory_of(path))
			return true;
	}
	else
	{
		problem = errno;
		(void) close(fd);
		errno = problem;
	}
	problem = errno;
	(void) unlink(temporary);
	errno = problem;
	return false;
}

bool
agent_read_file(const char *path, HomeoBuffer *content)
{
	int			fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t		n;

	if (fd < 0)
		return false;
	do
	{
		char	   *room = agent_buffer_room(content, 64 * 1024);

		n = read(fd, room, 64 * 1024);
		if (n > 0)
			content->len += (size_t) n;
		room = agent_buffer_room(content, 0);
		*room = '\0';
	} while (n > 0 || (n < 0 && errno == EINTR));
	close(fd);
	return n == 0;
}

void
agent_gzip(HomeoSpan bytes, HomeoBuffer *out)
{
	z_stream	z = {0};
	uLong		bound;

	if (deflateInit2(&z, 6, Z_DEFLATED, GZIP_WINDOW, 8,
					 Z_DEFAULT_STRATEGY) != Z_OK)
		agent_fail("out of memory");
	bound = deflateBound(&z, bytes.len);
	z.next_in = (Bytef *) (uintptr_t) bytes.data;
	z.avail_in = (uInt) bytes.len;
	z.next_out = (Bytef *) agent_buffer_room(out, bound);
	z.avail_out = (uInt) bound;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		agent_fail("could not compress %zu bytes", bytes.len);
	out->len += z.total_out;
	out->data[out->len] = '\0';
	(void) deflateEnd(&z);
}

bool
agent_gunzip(HomeoSpan bytes, HomeoBuffer *out)
{
	z_stream	z = {0};
	int			result = Z_OK;

	if (inflateInit2(&z, GZIP_WINDOW) != Z_OK)
		agent_fail("out of memory");
	z.next_in = (Bytef *) (uintptr_t) bytes.data;
	z.avail_in = (uInt) bytes.len;
	while (result == Z_OK && out->len < UNPACKED_LIMIT)
	{
		z.next_out = (Bytef *) agent_buffer_room(out, 64 * 1024);
		z.avail_out = 64 * 1024;
		result = inflate(&z, Z_NO_FLUSH);
		out->len += 64 * 1024 - z.avail_out;
		out->data[out->len] = '\0';
	}
	(void) inflateEnd(&z);
	return result == Z_STREAM_END;
}
