/*
 * stack_jvm.c
 *		Java, Kotlin, Scala and others on the JVM:
 *
 *	at pkg.Class.method(File.java:12)
 *	at app//pkg.Class.method(File.java:12) ~[a.jar:1.0]
 *	at java.base@17.0.1/java.lang.Thread.run(Thread.java:840)
 *
 * Chains as Throwable prints them ("Caused by:", the root last) and as
 * logback does the other way round ("Wrapped by:"); thread dumps.
 */
#include "text/stack_language.h"

#include "text/stack_scan.h"

static const char *const extensions[] = {
	".java", ".kt", ".kts", ".scala", ".groovy", ".clj", ".cljc", NULL
};

static bool
has_extension(HomeoSlice file)
{
	size_t		i;

	for (i = 0; extensions[i] != NULL; i++)
	{
		if (scan_ends(file, extensions[i]))
			return true;
	}
	return false;
}

/* What is between the parentheses. */
static bool
read_source(HomeoSlice source, HomeoFrame *frame)
{
	static const char *const unknown[] = {
		"Native Method", "Unknown Source", "<generated>", "<unknown>",
		"SourceFile", "Compiled Code", NULL
	};
	HomeoSlice	file = source;
	size_t		i;

	for (i = 0; unknown[i] != NULL; i++)
	{
		if (scan_equals(source, unknown[i]))
			return true;
	}
	if (scan_cut_number(&file, &frame->line))
	{
		/* ProGuard: Unknown Source:12; a script: Script1:5 */
		if (scan_equals(file, "Unknown Source") ||
			scan_equals(file, "SourceFile"))
			return true;
		frame->file = file;
		return scan_find(file, ' ') == file.len && scan_find(file, ',') == file.len;
	}
	frame->file = source;
	return has_extension(source);
}

/*
 * Without loaders and modules: app//a.B.c, java.base@17/java.lang.Thread.run,
 * but not in Lambda$14/0x08.run.
 */
static HomeoSlice
skip_module(HomeoSlice name)
{
	HomeoSlice	head = scan_first(name, scan_find(name, '$'));
	size_t		n = scan_find_last(head, '/');

	return n < head.len ? scan_from(name, n + 1) : name;
}

/* Names of Kotlin's and Scala's tests may have blanks. */
static bool
is_name(HomeoSlice name, HomeoSlice source)
{
	if (scan_find(name, ' ') == name.len)
		return name.len > 0;
	return scan_last(name) != ' ' && scan_find(name, '.') < scan_find(name, ' ') &&
		(scan_has(source, ".kt:") || scan_has(source, ".scala:") ||
		 scan_has(source, ".groovy:"));
}

static bool
read_frame(HomeoSlice text, HomeoFrame *frame)
{
	size_t		open = scan_find(text, '(');
	HomeoSlice	name = scan_first(text, open);
	HomeoSlice	source = scan_from(text, open + 1);
	size_t		n = scan_find(source, ')');
	char		behind = scan_at(source, n + 1);

	if (n == source.len || (behind != '\0' && behind != ' '))
		return false;
	source = scan_first(source, n);
	/* GraalVM: (java.base@17.0.1/Thread.java:840) */
	n = scan_find(source, '/');
	if (n < source.len && scan_find(source, '@') < n)
		source = scan_from(source, n + 1);
	if (source.len == 0 || !is_name(name, source) ||
		!read_source(source, frame))
		return false;
	name = skip_module(name);
	n = scan_find_last(name, '.');
	if (n == name.len || n == 0)
		return false;
	frame->module = scan_first(name, n);
	frame->function = scan_from(name, n + 1);
	return frame->function.len > 0;
}

/* "main" #1 prio=5 os_prio=0 cpu=1ms tid=0x0 nid=0x1 runnable [0x0] */
static bool
is_thread(HomeoSlice text)
{
	return text.data[0] == '"' &&
	(scan_has(text, "\" #") || scan_has(text, " prio=")) &&
	(scan_has(text, " tid=") || scan_has(text, " nid="));
}

static HomeoStackKind
read_words(const HomeoStackLine *line, HomeoStackReading *reading)
{
	HomeoSlice text = line->text;

	reading->depth = line->indent;
	switch (text.data[0])
	{
		case '"':
			if (is_thread(text))
				reading->begins = HOMEO_STACK_ASIDE;
			break;
		case '.':
			if (scan_eat(&text, "... ") && scan_digits(text) > 0)
				return HOMEO_STACK_PART;
			break;
		case 'C':
			if (scan_starts(text, "Caused by: "))
				reading->begins = HOMEO_STACK_CAUSE;
			break;
		case 'R':
		case 'r':
			if (scan_equals(text, "Root cause:") ||
				scan_equals(text, "root cause"))
				reading->begins = HOMEO_STACK_CAUSE;
			break;
		case 'S':
			if (scan_starts(text, "Suppressed: "))
				reading->begins = HOMEO_STACK_SUPPRESSED;
			break;
		case 'W':
			if (scan_starts(text, "Wrapped by: "))
				reading->begins = HOMEO_STACK_EFFECT;
			break;
		case '[':
			if (scan_starts(text, "[CIRCULAR REFERENCE"))
				return HOMEO_STACK_PART;
			break;
		default:
			break;
	}
	if (reading->begins == HOMEO_STACK_UNRELATED &&
		((scan_is_error_head(text) &&
		  !scan_starts(text, "java.lang.Thread.State: ")) ||
		 scan_starts(text, "Exception in thread \"")))
		reading->begins = HOMEO_STACK_ALONE;
	return HOMEO_STACK_NOTHING;
}

static HomeoStackKind
read_jvm(const HomeoStackLine *line, HomeoStackReading *reading)
{
	HomeoSlice text = line->text;

	if (!scan_eat(&text, "at "))
		return read_words(line, reading);
	return read_frame(text, &reading->frame) ? HOMEO_STACK_FRAME :
		HOMEO_STACK_NOTHING;
}

static const char *const names[] = {
	"java", "kotlin", "scala", "groovy", "clojure", "jvm", "android",
	"spring", "hibernate", NULL
};
static const char *const prefixes[] = {
	"java.", "javax.", "jakarta.", "jdk.", "sun.", "com.sun.", "kotlin.",
	"kotlinx.", "scala.", "groovy.", "clojure.", "android.", "androidx.",
	"com.android.internal.", "dalvik.", "com.fasterxml.jackson.",
	"com.google.common.", "com.zaxxer.hikari.", "akka.", "ch.qos.logback.",
	"io.netty.", "net.bytebuddy.", "okhttp3.", "org.apache.", "org.codehaus.groovy.",
	"org.eclipse.", "org.hibernate.", "org.jboss.", "org.junit.",
	"org.postgresql.", "org.slf4j.", "org.springframework.", "reactor.", "rx.",
	NULL
};

const HomeoStackLanguage homeo_stack_jvm = {
	.names = names,
	.read = read_jvm,
	.library_prefixes = prefixes
};
