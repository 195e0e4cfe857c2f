/*
 * set_clock.c
 *		A clock that tests can set, for a server that is started with it in
 *		LD_PRELOAD.
 *
 * gettimeofday(), which is where PostgreSQL takes the time of day from, is off
 * by as many seconds as the file says that HOMEOSTASIS_CLOCK names.  The clock
 * that only counts is left alone.  (libfaketime fakes nothing in processes that
 * are forked in a signal handler, as background workers are.)
 *
 * Any process may call it at any time: no memory, no locks.  But another module
 * may set set_clock_interruption, which the next reading in its process calls,
 * once.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

extern EXPORT int gettimeofday(struct timeval *restrict now,
							   void *restrict zone);
extern EXPORT void (*set_clock_interruption) (void);

void		(*set_clock_interruption) (void) = NULL;

static long
offset(void)
{
	const char *path = getenv("HOMEOSTASIS_CLOCK");
	char		digits[24];
	ssize_t		n;
	int			file;

	if (path == NULL)
		return 0;
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return 0;
	n = read(file, digits, sizeof(digits) - 1);
	close(file);
	digits[n < 0 ? 0 : n] = '\0';
	return atol(digits);
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	void		(*interruption) (void) = set_clock_interruption;
	struct timespec real;

	set_clock_interruption = NULL;
	if (interruption != NULL)
		interruption();
	clock_gettime(CLOCK_REALTIME, &real);
	now->tv_sec = real.tv_sec + offset();
	now->tv_usec = real.tv_nsec / 1000;
	return 0;
}
