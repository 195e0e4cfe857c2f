/*
 * level.c
 *		How bad it is, in the words of many loggers.
 */
#include "agent/level.h"

typedef struct HomeoLevelWord
{
	const char *word;
	HomeoLevel	level;
} HomeoLevelWord;

static const HomeoLevelWord words[] = {
	{"trace", HOMEO_LEVEL_DEBUG},
	{"debug", HOMEO_LEVEL_DEBUG},
	{"debug1", HOMEO_LEVEL_DEBUG},
	{"debug2", HOMEO_LEVEL_DEBUG},
	{"debug3", HOMEO_LEVEL_DEBUG},
	{"debug4", HOMEO_LEVEL_DEBUG},
	{"debug5", HOMEO_LEVEL_DEBUG},
	{"dbg", HOMEO_LEVEL_DEBUG},
	{"verbose", HOMEO_LEVEL_DEBUG},
	{"fine", HOMEO_LEVEL_DEBUG},
	{"finer", HOMEO_LEVEL_DEBUG},
	{"finest", HOMEO_LEVEL_DEBUG},
	{"info", HOMEO_LEVEL_INFO},
	{"information", HOMEO_LEVEL_INFO},
	{"informational", HOMEO_LEVEL_INFO},
	{"inf", HOMEO_LEVEL_INFO},
	{"notice", HOMEO_LEVEL_INFO},
	{"log", HOMEO_LEVEL_INFO},
	{"config", HOMEO_LEVEL_INFO},
	{"success", HOMEO_LEVEL_INFO},
	{"warn", HOMEO_LEVEL_WARNING},
	{"warning", HOMEO_LEVEL_WARNING},
	{"wrn", HOMEO_LEVEL_WARNING},
	{"error", HOMEO_LEVEL_ERROR},
	{"err", HOMEO_LEVEL_ERROR},
	{"eror", HOMEO_LEVEL_ERROR},
	{"severe", HOMEO_LEVEL_ERROR},
	{"fail", HOMEO_LEVEL_ERROR},
	{"dpanic", HOMEO_LEVEL_FATAL},
	{"fatal", HOMEO_LEVEL_FATAL},
	{"ftl", HOMEO_LEVEL_FATAL},
	{"crit", HOMEO_LEVEL_FATAL},
	{"critical", HOMEO_LEVEL_FATAL},
	{"alert", HOMEO_LEVEL_FATAL},
	{"panic", HOMEO_LEVEL_PANIC},
	{"emerg", HOMEO_LEVEL_PANIC},
	{"emergency", HOMEO_LEVEL_PANIC}
};

HomeoLevel
agent_level_of_word(HomeoSpan word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		if (agent_span_is_nocase(word, words[i].word))
			return words[i].level;
	}
	return HOMEO_LEVEL_UNKNOWN;
}

HomeoLevel
agent_level_of_number(long number)
{
	static const HomeoLevel syslog[] = {
		HOMEO_LEVEL_PANIC, HOMEO_LEVEL_FATAL, HOMEO_LEVEL_FATAL,
		HOMEO_LEVEL_ERROR, HOMEO_LEVEL_WARNING, HOMEO_LEVEL_INFO,
		HOMEO_LEVEL_INFO, HOMEO_LEVEL_DEBUG
	};

	if (number >= 0 && number <= 7)
		return syslog[number];
	if (number < 10)
		return HOMEO_LEVEL_UNKNOWN;
	return number >= 60 ? HOMEO_LEVEL_FATAL :
		number >= 50 ? HOMEO_LEVEL_ERROR :
		number >= 40 ? HOMEO_LEVEL_WARNING :
		number >= 30 ? HOMEO_LEVEL_INFO : HOMEO_LEVEL_DEBUG;
}

const char *
agent_level_name(HomeoLevel level)
{
	switch (level)
	{
		case HOMEO_LEVEL_WARNING:
			return "warning";
		case HOMEO_LEVEL_FATAL:
			return "fatal";
		case HOMEO_LEVEL_PANIC:
			return "panic";
		default:
			return "error";
	}
}
