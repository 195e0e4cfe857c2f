/*
 * main.c
 *		homeostasis-compile: compiles patterns with Vectorscan.
 *
 * To compile thousands of patterns takes seconds and a hundred megabytes, and
 * nothing can interrupt it.  In a process of its own it can be killed, cannot
 * take the server with it, and gives its memory back.  rules/scan_program.c
 * runs it; scan_stream.h says what comes in and what goes out.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <hs.h>

#include "rules/scan_compile.h"
#include "rules/scan_stream.h"

#define MAX_MEMORY		((rlim_t) 4 << 30)	/* bytes of address space */
#define MAX_SECONDS		600		/* of processor time */

/* Longer patterns are refused when a rule is written; HOMEO_PATTERN_MAX_BYTES. */
#define MAX_SOURCE		(1 << 20)

static void
fail(const char *what)
{
	fprintf(stderr, "homeostasis-compile: %s\n", what);
	exit(1);
}

/* Whoever asked is not to wait for ever, and the machine not to run short. */
static void
limit_resources(void)
{
	struct rlimit memory = {MAX_MEMORY, MAX_MEMORY};
	struct rlimit seconds = {MAX_SECONDS, MAX_SECONDS};
	struct rlimit core = {0, 0};

	(void) setrlimit(RLIMIT_AS, &memory);
	(void) setrlimit(RLIMIT_CPU, &seconds);
	(void) setrlimit(RLIMIT_CORE, &core);
	(void) nice(10);
}

/* Files of the server are none of its business. */
static void
close_others(void)
{
	long		last = sysconf(_SC_OPEN_MAX);

	if (last < 0 || last > 65536)
		last = 65536;
	for (int fd = 3; fd < last; fd++)
		(void) close(fd);
}

/* Ends with the process that asked. */
static void
follow_parent(void)
{
	(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == 1)
		exit(1);
}

static void *
allocate(size_t size)
{
	void	   *memory = malloc(size);

	if (memory == NULL)
		fail("out of memory");
	return memory;
}

/* False: the input ended where a record could begin. */
static bool
read_bytes(void *to, size_t len, bool may_end)
{
	size_t		got = fread(to, 1, len, stdin);

	if (got == len)
		return true;
	if (got != 0 || !may_end || ferror(stdin))
		fail("the input is not complete");
	return false;
}

static int
read_sources(HomeoScanSource **sources)
{
	HomeoScanRequest request;
	int			n = 0;
	int			room = 0;

	*sources = NULL;
	while (read_bytes(&request, sizeof(request), true))
	{
		char	   *source;

		if (request.len > MAX_SOURCE)
			fail("the input is damaged");
		if (n == room)
		{
			room = room > 0 ? room * 2 : 1024;
			*sources = realloc(*sources, sizeof(**sources) * (size_t) room);
			if (*sources == NULL)
				fail("out of memory");
		}
		source = allocate((size_t) request.len + 1);
		(void) read_bytes(source, (size_t) request.len + 1, false);
		(*sources)[n++] = (HomeoScanSource)
		{
			source, request.len, request.unrolled, request.foreign != 0
		};
	}
	return n;
}

static void
write_bytes(const void *from, size_t len)
{
	if (fwrite(from, 1, len, stdout) != len)
		fail(strerror(errno));
}

/* A HomeoScanEmit. */
static bool
write_database(const int *numbers, int n, const char *bytes, size_t len,
			   void *arg)
{
	HomeoScanAnswer answer = {(uint32_t) n, 0, len};

	write_bytes(&answer, sizeof(answer));
	write_bytes(numbers, sizeof(*numbers) * (size_t) n);
	write_bytes(bytes, len);
	return true;
}

int
main(int argc, char **argv)
{
	HomeoScanGreeting greeting = {{0}};
	HomeoScanAnswer end = {0, 0, 0};
	HomeoScanSource *sources;
	int			n;

	if (argc > 1 || isatty(STDIN_FILENO))
	{
		fprintf(stderr, "homeostasis-compile is run by PostgreSQL's extension "
				"homeostasis to compile the patterns of rules.\n");
		return 1;
	}
	follow_parent();
	close_others();
	limit_resources();
	n = read_sources(&sources);
	snprintf(greeting.version, sizeof(greeting.version), "%s", hs_version());
	write_bytes(&greeting, sizeof(greeting));
	if (!homeo_scan_compile(sources, n, write_database, NULL))
		fail("out of memory");
	write_bytes(&end, sizeof(end));
	if (fflush(stdout) != 0)
		fail(strerror(errno));
	return 0;
}
