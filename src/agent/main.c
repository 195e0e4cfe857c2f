/*
 * main.c
 *		homeostasis-agent: the companion program of the extension.
 *
 * It runs beside a service, on any host, and needs nothing from PostgreSQL
 * but libpq.  Each command is a file of its own.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/tail.h"

#ifndef HOMEO_VERSION
#define HOMEO_VERSION	"unknown"
#endif

typedef struct HomeoCommand
{
	const char *name;
	const char *purpose;
	int			(*run) (int argc, char **argv);
} HomeoCommand;

static const HomeoCommand commands[] = {
	{"tail", "follow log files and report the errors in them", agent_tail}
};

#define NCOMMANDS	(sizeof(commands) / sizeof(commands[0]))

static void
show_help(void)
{
	printf("homeostasis-agent is the companion program of the PostgreSQL extension Homeostasis.\n"
		   "\n"
		   "Usage:\n"
		   "  homeostasis-agent COMMAND [OPTION]...\n"
		   "\n"
		   "Commands:\n");
	for (size_t i = 0; i < NCOMMANDS; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].purpose);
	printf("\n"
		   "Options:\n"
		   "  --help     show this, and end\n"
		   "  --version  show the version, and end\n"
		   "\n"
		   "\"homeostasis-agent COMMAND --help\" tells more about a command.\n");
}

int
main(int argc, char **argv)
{
	/* Only for the names of zones; numbers are read as C has them. */
	tzset();
	(void) signal(SIGPIPE, SIG_IGN);
	if (argc > 1 && strcmp(argv[1], "--help") == 0)
	{
		show_help();
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
	{
		printf("homeostasis-agent %s\n", HOMEO_VERSION);
		return 0;
	}
	for (size_t i = 0; argc > 1 && i < NCOMMANDS; i++)
	{
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	}
	if (argc > 1)
		fprintf(stderr, "homeostasis-agent: there is no command \"%s\"\n",
				argv[1]);
	else
		fprintf(stderr, "homeostasis-agent: no command was given\n");
	fprintf(stderr, "Try \"homeostasis-agent --help\" for more.\n");
	return 2;
}
