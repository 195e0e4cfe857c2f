/*
 * program.c
 *		Runs a program for a worker or a session, which stays interruptible.
 *
 * The input is a temporary file, so only the output has to be waited for, on
 * the latch.
 */
#include "postgres.h"

#include "base/program.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compat.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"

#define PIECE		65536

/* A program while it runs. */
typedef struct Running
{
	pid_t		pid;			/* 0: it doesn't, or was waited for */
	int			output;			/* what it writes; -1: closed */
	File		input;			/* what it reads; -1: closed */
} Running;

/* Ends what is left of it; also called when the process exits. */
static void
end(int code, Datum arg)
{
	Running    *running = (Running *) DatumGetPointer(arg);

	if (running->output >= 0)
		close(running->output);
	running->output = -1;
	if (running->pid > 0)
	{
		kill(running->pid, SIGKILL);
		while (waitpid(running->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	running->pid = 0;
	if (running->input >= 0)
		FileClose(running->input);
	running->input = -1;
}

/* Starts it with these as its standard input and output; 0 or an errno. */
static int
spawn(const char *path, int input, int output, pid_t *pid)
{
	extern char **environ;
	char	   *arguments[] = {unconstify(char *, path), NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t	signals;
	int			result;

	if (posix_spawn_file_actions_init(&files) != 0)
		return ENOMEM;
	if (posix_spawnattr_init(&attributes) != 0)
	{
		posix_spawn_file_actions_destroy(&files);
		return ENOMEM;
	}
	posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
	sigemptyset(&signals);
	posix_spawnattr_setsigmask(&attributes, &signals);
	sigfillset(&signals);
	posix_spawnattr_setsigdefault(&attributes, &signals);
	posix_spawnattr_setflags(&attributes,
							 POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	result = posix_spawn(pid, path, &files, &attributes, arguments, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return result;
}

/* Makes these bytes its input. */
static void
write_input(Running *running, const char *input, Size len)
{
	/* There may be no transaction at whose end the server would close it. */
	running->input = OpenTemporaryFile(true);
	for (Size done = 0; done < len;)
	{
		int			piece = FileWrite(running->input, unconstify(char *, input) + done,
									  Min(len - done, PIECE * 16), (off_t) done,
									  homeo_wait_event_compat("HomeostasisProgram"));

		if (piece <= 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not write a temporary file: %m")));
		done += piece;
	}
}

/* Appends what there is to read.  False at the end, or with *problem. */
static bool
read_output(Running *running, StringInfo output, Size limit, char **problem)
{
	for (;;)
	{
		ssize_t		got;

		if (output->len >= limit)
		{
			*problem = psprintf("it wrote more than %zu bytes", limit);
			return false;
		}
		enlargeStringInfo(output, PIECE);
		got = read(running->output, output->data + output->len, PIECE);
		if (got > 0)
		{
			output->len += (int) got;
			output->data[output->len] = '\0';
		}
		else if (got == 0)
			return false;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return true;
		else if (errno != EINTR)
		{
			*problem = psprintf("its output could not be read: %m");
			return false;
		}
	}
}

/* Waits for its end; NULL, or why it failed. */
static char *
wait_for_end(Running *running)
{
	int			status = 0;
	pid_t		result;

	do
		result = waitpid(running->pid, &status, 0);
	while (result < 0 && errno == EINTR);
	running->pid = 0;
	if (result < 0)
		return psprintf("its end could not be waited for: %m");
	if (WIFSIGNALED(status))
		return psprintf("it was ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return psprintf("it ended with status %d", WEXITSTATUS(status));
	return NULL;
}

/* Reads until the program closes its output; NULL, or what went wrong. */
static char *
follow(Running *running, StringInfo output, Size limit)
{
	char	   *problem = NULL;

	while (read_output(running, output, limit, &problem))
	{
		(void) WaitLatchOrSocket(MyLatch,
								 WL_LATCH_SET | WL_SOCKET_READABLE |
								 WL_EXIT_ON_PM_DEATH,
								 running->output, -1,
								 homeo_wait_event_compat("HomeostasisProgram"));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return problem != NULL ? problem : wait_for_end(running);
}

/* Everything but the end; NULL, or what went wrong. */
static char *
run(Running *running, const char *path, const char *input, Size len,
	StringInfo output, Size limit)
{
	int			ends[2];
	int			result;

	write_input(running, input, len);
	if (pipe2(ends, O_CLOEXEC) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create a pipe: %m")));
	running->output = ends[0];
	(void) fcntl(ends[0], F_SETFL, O_NONBLOCK);
	result = spawn(path, FileGetRawDesc(running->input), ends[1],
				   &running->pid);
	close(ends[1]);
	if (result != 0)
	{
		running->pid = 0;
		errno = result;
		return psprintf("%m");
	}
	return follow(running, output, limit);
}

char *
homeo_program_run(const char *path, const char *input, Size len,
				  StringInfo output, Size limit)
{
	Running    *running = palloc(sizeof(*running));
	char	   *problem = NULL;

	running->pid = 0;
	running->output = -1;
	running->input = -1;
	PG_ENSURE_ERROR_CLEANUP(end, PointerGetDatum(running));
	{
		problem = run(running, path, input, len, output, limit);
	}
	PG_END_ENSURE_ERROR_CLEANUP(end, PointerGetDatum(running));
	end(0, PointerGetDatum(running));
	pfree(running);
	return problem;
}
