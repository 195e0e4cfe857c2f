/*
 * bad_disk.c
 *		A disk under the journal that tests can break, for a server that is
 *		started with it in LD_PRELOAD.
 *
 * What a loss of power leaves of the journal is kept in the directory that
 * HOMEOSTASIS_DURABLE names: a file there is what the last flush of the segment
 * of that name put on disk.  The file that HOMEOSTASIS_DISK names has a word:
 *
 *	good	flushes succeed
 *	bad		they fail with EIO, and what they were to put on disk is lost.
 *			As in Linux, a later flush of the same segment succeeds, and puts
 *			there only what was written since; here it puts nothing there,
 *			which is within what may happen
 *	full	there is no space for another segment
 *
 * Any process may call it at any time: no memory, no locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

extern EXPORT int fdatasync(int fd);
extern EXPORT int fsync(int fd);
extern EXPORT int posix_fallocate(int fd, off_t offset, off_t len);

/* The name of the segment that is open there; NULL: it is something else. */
static const char *
segment_name(int fd, char path[4096])
{
	char		link[64];
	const char *name;
	ssize_t		len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, 4095);
	if (len <= 0)
		return NULL;
	path[len] = '\0';
	name = strstr(path, "/homeostasis/journal/");
	return name != NULL ? name + strlen("/homeostasis/journal/") : NULL;
}

static int
disk_is(const char *state)
{
	const char *path = getenv("HOMEOSTASIS_DISK");
	char		word[8] = {0};
	int			file = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t		n;

	if (file < 0)
		return 0;
	n = read(file, word, sizeof(word) - 1);
	close(file);
	return n > 0 && strcmp(word, state) == 0;
}

/* A path of the durable directory. */
static void
durable_path(char path[4096], const char *name, const char *suffix)
{
	snprintf(path, 4096, "%s/%s%s", getenv("HOMEOSTASIS_DURABLE"), name,
			 suffix);
}

/* Puts what the segment has on "disk". */
static void
keep(int fd, const char *name)
{
	char		path[4096];
	char		suffix[32];
	char		part[4096];
	char		buffer[65536];
	off_t		at = 0;
	ssize_t		n;
	int			file;

	durable_path(path, name, ".lost");
	if (access(path, F_OK) == 0)
		return;
	snprintf(suffix, sizeof(suffix), ".%d", (int) getpid());
	durable_path(part, name, suffix);
	durable_path(path, name, "");
	file = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file < 0)
		abort();
	while ((n = pread(fd, buffer, sizeof(buffer), at)) > 0)
	{
		if (write(file, buffer, (size_t) n) != n)
			abort();
		at += n;
	}
	close(file);
	if (rename(part, path) != 0)
		abort();
}

static int
flush(int fd, long call)
{
	char		path[4096];
	const char *name = segment_name(fd, path);

	if (name == NULL)
		return (int) syscall(call, fd);
	if (disk_is("bad"))
	{
		char		lost[4096];

		durable_path(lost, name, ".lost");
		close(open(lost, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		errno = EIO;
		return -1;
	}
	keep(fd, name);
	return 0;
}

int
fdatasync(int fd)
{
	return flush(fd, SYS_fdatasync);
}

int
fsync(int fd)
{
	return flush(fd, SYS_fsync);
}

int
posix_fallocate(int fd, off_t offset, off_t len)
{
	char		path[4096];
	char		lost[4096];
	const char *name = segment_name(fd, path);

	if (name != NULL && disk_is("full"))
		return ENOSPC;
	if (name != NULL)
	{
		/* Another file than the one that had the name before. */
		durable_path(lost, name, ".lost");
		unlink(lost);
	}
	return syscall(SYS_fallocate, fd, 0, offset, len) == 0 ? 0 : errno;
}
