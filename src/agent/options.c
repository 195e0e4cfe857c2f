/*
 * options.c
 *		What `homeostasis-agent tail` was asked for.
 */
#include "agent/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/json.h"
#include "agent/say.h"
#include "agent/send.h"
#include "wire/event.h"

static const char help[] =
"homeostasis-agent tail follows log files and reports the errors in them.\n"
"\n"
"Usage:\n"
"  homeostasis-agent tail [OPTION]... FILE...\n"
"\n"
"FILE may be a pattern, as 'logs/*.log', which finds new files, too.\n"
"\n"
"What is reported:\n"
"      --format=FORMAT      %s (default: auto)\n"
"      --level=LEVEL        warning, error, fatal or panic, and what is worse\n"
"                           (default: error)\n"
"      --from=PLACE         beginning or end of files that are there at the first\n"
"                           start (default: beginning)\n"
"      --service=NAME       the service that writes the files\n"
"      --language=NAME      its language\n"
"      --release=NAME       its version\n"
"  -e, --environment=KEY=VALUE\n"
"                           add to the environment of each event; may be repeated\n"
"      --host=NAME          this host (default: its name)\n"
"\n"
"Where to:\n"
"  -d, --dbname=CONNINFO    database, connection string or URI, as for psql; PG*\n"
"                           variables, service and password files work as usual\n"
"      --batch-size=N       events in a batch (default: 1000)\n"
"      --batch-timeout=TIME report at least so often (default: 1s)\n"
"      --answer-timeout=TIME\n"
"                           connect anew when an answer takes longer (default: 60s)\n"
"\n"
"How:\n"
"      --state-dir=DIR      positions and spool (default: /var/lib/homeostasis-agent\n"
"                           for root, ~/.local/state/homeostasis-agent for others)\n"
"      --spool-limit=SIZE   disk for what the database does not take (default: 256MB)\n"
"      --poll-interval=TIME look at the files so often (default: 250ms)\n"
"      --rotate-wait=TIME   a renamed file may be written to for so long (default: 60s)\n"
"      --once               read what is there, report it, and end\n"
"  -q, --quiet              say only what is wrong\n"
"      --help               show this, and end\n";

enum
{
	OPT_FORMAT = 256, OPT_LEVEL, OPT_FROM, OPT_SERVICE, OPT_LANGUAGE,
	OPT_RELEASE, OPT_HOST, OPT_BATCH_SIZE, OPT_BATCH_TIMEOUT,
	OPT_ANSWER_TIMEOUT, OPT_STATE, OPT_SPOOL, OPT_POLL, OPT_ROTATE, OPT_ONCE,
	OPT_HELP
};

static const struct option long_options[] = {
	{"format", required_argument, NULL, OPT_FORMAT},
	{"level", required_argument, NULL, OPT_LEVEL},
	{"from", required_argument, NULL, OPT_FROM},
	{"service", required_argument, NULL, OPT_SERVICE},
	{"language", required_argument, NULL, OPT_LANGUAGE},
	{"release", required_argument, NULL, OPT_RELEASE},
	{"environment", required_argument, NULL, 'e'},
	{"host", required_argument, NULL, OPT_HOST},
	{"dbname", required_argument, NULL, 'd'},
	{"batch-size", required_argument, NULL, OPT_BATCH_SIZE},
	{"batch-timeout", required_argument, NULL, OPT_BATCH_TIMEOUT},
	{"answer-timeout", required_argument, NULL, OPT_ANSWER_TIMEOUT},
	{"state-dir", required_argument, NULL, OPT_STATE},
	{"spool-limit", required_argument, NULL, OPT_SPOOL},
	{"poll-interval", required_argument, NULL, OPT_POLL},
	{"rotate-wait", required_argument, NULL, OPT_ROTATE},
	{"once", no_argument, NULL, OPT_ONCE},
	{"quiet", no_argument, NULL, 'q'},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0}
};

/* A usage error: what is wrong, and where help is. */
static void
refuse(const char *option, const char *value, const char *expected)
{
	fprintf(stderr, "homeostasis-agent tail: --%s=%s: %s\n"
			"Try \"homeostasis-agent tail --help\" for more.\n",
			option, value, expected);
	exit(2);
}

/* A number with one of the units, which are NULL at the end. */
static int64_t
number_with_unit(const char *option, const char *value,
				 const char *const *units, const int64_t *factors,
				 int64_t low, int64_t high, const char *expected)
{
	char	   *end;
	long long	number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (end == value || errno != 0 || number < 0)
		refuse(option, value, expected);
	for (int i = 0; units[i] != NULL; i++)
	{
		if (strcmp(end, units[i]) != 0)
			continue;
		if (number > high / factors[i] || number * factors[i] < low)
			refuse(option, value, expected);
		return number * factors[i];
	}
	refuse(option, value, expected);
	return 0;
}

static int64_t
time_option(const char *option, const char *value)
{
	static const char *const units[] = {"ms", "s", "min", "h", NULL};
	static const int64_t factors[] = {
		1000, 1000000, 60 * INT64_C(1000000), 3600 * INT64_C(1000000)
	};

	return number_with_unit(option, value, units, factors, 1000,
							24 * factors[3],
							"must be a time from 1ms to 24h, with one of the units ms, s, min, h");
}

static int64_t
size_option(const char *option, const char *value)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", NULL};
	static const int64_t factors[] = {
		1024, 1024 * 1024, 1024 * 1024 * INT64_C(1024),
		1024 * 1024 * INT64_C(1024) * 1024
	};

	return number_with_unit(option, value, units, factors, 1024,
							1024 * factors[3],
							"must be a size from 1kB, with one of the units kB, MB, GB, TB");
}

static const char *
text_option(const char *option, const char *value, size_t limit)
{
	size_t		len = strlen(value);

	if (len == 0 || len > limit)
		refuse(option, value, limit == HOMEO_WIRE_LANGUAGE_LIMIT ?
			   "must have 1 to 64 bytes" : "must have 1 to 200 bytes");
	return value;
}

static void
add_environment(HomeoTailOptions *options, const char *value)
{
	const char *equals = strchr(value, '=');

	if (equals == NULL || equals == value)
		refuse("environment", value, "must be KEY=VALUE");
	if (options->environment.len + 2 * strlen(value) >
		HOMEO_WIRE_JSON_LIMIT / 2)
		refuse("environment", "...", "is too much");
	if (options->environment.len > 0)
		agent_buffer_add_char(&options->environment, ',');
	agent_json_write(&options->environment,
					 agent_span(value, (size_t) (equals - value)));
	agent_buffer_add_char(&options->environment, ':');
	agent_json_write(&options->environment, agent_span_string(equals + 1));
}

static void
set_level(HomeoTailOptions *options, const char *value)
{
	options->level = agent_level_of_word(agent_span_string(value));
	if (options->level < HOMEO_LEVEL_WARNING)
		refuse("level", value, "must be warning, error, fatal or panic");
}

static void
set_format(HomeoTailOptions *options, const char *value)
{
	char		expected[200];

	options->format = agent_format_named(value);
	if (options->format != NULL || strcmp(value, "auto") == 0)
		return;
	snprintf(expected, sizeof(expected), "must be one of %s",
			 agent_format_names());
	refuse("format", value, expected);
}

static void
set_batch_size(HomeoTailOptions *options, const char *value)
{
	char	   *end;
	long		number = strtol(value, &end, 10);

	if (end == value || *end != '\0' || number < 1 || number > 10000)
		refuse("batch-size", value, "must be a number from 1 to 10000");
	options->batch_size = (int) number;
}

static const char *
default_state_directory(void)
{
	HomeoBuffer path = {0};
	const char *home = getenv("XDG_STATE_HOME");

	if (geteuid() == 0)
		return "/var/lib/homeostasis-agent";
	if (home != NULL && home[0] == '/')
		agent_buffer_print(&path, "%s/homeostasis-agent", home);
	else if ((home = getenv("HOME")) != NULL && home[0] == '/')
		agent_buffer_print(&path, "%s/.local/state/homeostasis-agent", home);
	else
		refuse("state-dir", "", "must be given, because HOME is not set");
	return path.data;
}

static const char *
default_host(void)
{
	static char name[256];

	if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0')
		refuse("host", "", "must be given, because this host has no name");
	return name;
}

static void
set_defaults(HomeoTailOptions *options)
{
	memset(options, 0, sizeof(*options));
	options->conninfo = "";
	options->level = HOMEO_LEVEL_ERROR;
	options->batch_size = 1000;
	options->batch_timeout = AGENT_SECOND;
	options->poll_interval = AGENT_SECOND / 4;
	options->rotate_wait = 60 * AGENT_SECOND;
	options->answer_timeout = 60 * AGENT_SECOND;
	options->spool_limit = 256 * 1024 * 1024;
}

static void
take_option(int option, const char *value, HomeoTailOptions *options)
{
	switch (option)
	{
		case 'd':
			options->conninfo = value;
			break;
		case 'e':
			add_environment(options, value);
			break;
		case 'q':
			agent_quiet = true;
			break;
		case OPT_FORMAT:
			set_format(options, value);
			break;
		case OPT_LEVEL:
			set_level(options, value);
			break;
		case OPT_FROM:
			options->from_end = strcmp(value, "end") == 0;
			if (!options->from_end && strcmp(value, "beginning") != 0)
				refuse("from", value, "must be beginning or end");
			break;
		case OPT_SERVICE:
			options->service = text_option("service", value,
										   HOMEO_WIRE_SERVICE_LIMIT);
			break;
		case OPT_LANGUAGE:
			options->language = text_option("language", value,
											HOMEO_WIRE_LANGUAGE_LIMIT);
			break;
		case OPT_RELEASE:
			options->release = text_option("release", value, 200);
			break;
		case OPT_HOST:
			options->host = text_option("host", value, 200);
			break;
		case OPT_BATCH_SIZE:
			set_batch_size(options, value);
			break;
		case OPT_BATCH_TIMEOUT:
			options->batch_timeout = time_option("batch-timeout", value);
			break;
		case OPT_ANSWER_TIMEOUT:
			options->answer_timeout = time_option("answer-timeout", value);
			break;
		case OPT_STATE:
			options->state_directory = value;
			break;
		case OPT_SPOOL:
			options->spool_limit = size_option("spool-limit", value);
			break;
		case OPT_POLL:
			options->poll_interval = time_option("poll-interval", value);
			break;
		case OPT_ROTATE:
			options->rotate_wait = time_option("rotate-wait", value);
			break;
		case OPT_ONCE:
			options->once = true;
			break;
		case OPT_HELP:
			printf(help, agent_format_names());
			exit(0);
		default:
			fprintf(stderr,
					"Try \"homeostasis-agent tail --help\" for more.\n");
			exit(2);
	}
}

void
agent_tail_options(int argc, char **argv, HomeoTailOptions *options)
{
	static char name[] = "homeostasis-agent tail";
	char		problem[300];
	int			option;

	/* So that getopt's own messages say whose they are. */
	argv[0] = name;
	set_defaults(options);
	while ((option = getopt_long(argc, argv, "d:e:q", long_options,
								 NULL)) != -1)
		take_option(option, optarg, options);
	options->patterns = argv + optind;
	options->npatterns = argc - optind;
	if (options->npatterns == 0)
	{
		fprintf(stderr, "homeostasis-agent tail: no files were given\n"
				"Try \"homeostasis-agent tail --help\" for more.\n");
		exit(2);
	}
	if (!agent_send_check(options->conninfo, problem, sizeof(problem)))
	{
		fprintf(stderr, "homeostasis-agent tail: --dbname: %s\n"
				"Try \"homeostasis-agent tail --help\" for more.\n", problem);
		exit(2);
	}
	if (options->state_directory == NULL)
		options->state_directory = default_state_directory();
	if (strlen(options->state_directory) > PATH_MAX - 100)
		refuse("state-dir", options->state_directory, "is too long");
	if (options->host == NULL)
		options->host = default_host();
}
