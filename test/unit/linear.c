/*
 * linear.c
 *		Hostile texts that a careless parser would need quadratic time for.
 *
 * Each is a short piece, repeated.  With the sanitizers, what is linear needs
 * a tenth of a second of processor time for one of them, and what isn't needs
 * five seconds and more: the deadline is far from both.
 */
#include <stdlib.h>
#include <sys/time.h>

#include "intake/scrub.h"
#include "text/log_line.h"
#include "text/normalize.h"
#include "text/sql_text.h"
#include "text/stacktrace.h"

#include "tap.h"

#define TEXT_SIZE			150000
#define DEADLINE_SECONDS	3

static const char *const pieces[] = {
	"+a", "a.", "a@", "a@b.", "a-", "1.5m", "1,111,", "1.1x", "::1", "ab:",
	"'a ", "\"a ", "'a\\", "\"\"", "\xc2\xab", "\xe2\x80\x9c ", "a://", "a://b:c/",
	"a://b:c@", "\\\\a ", "C:\\a ", "12:", "2024-", "sk-", "eyJa-", "eyJa.",
	"ghp_a ", "pwd=/", "pass:", "password(", "password\\", "token:", "cookie:",
	"cookie: a", "bearer ", "identified by ", "authorization: ",
	"authorization: digest ", "password $a", "-----BEGIN PRIVATE KEY",
	"password '", "password''", "password ' ", "password/*", "password--",
	"password %L ", "password %L'", "password '' ||", "password 'a' || ",
	"password to ", "'' as password ", "'a as password ", "crypt(", "crypt('", "curl -u a:", "parameters: $1 = '", "password, ", "password,)= ( ",
	"insert password, values ", "'password', ",
	"4111 1111 ", "Key (password)=(", "PL/", "PL/pgSQL function (", "at a.b(",
	"at a (", "File \"a", "File \"a\", line ", "while \"", "automatic of table \"",
	"01:", "a_01:23:", "a_b", "a_", "/a?b", "a=\"b", "a= ", "a(<n>,",
	"<n>[<n>", "<n> <n>", "(<n>,",
	"$a", "$a$", "/*", "(1),", "((", "(a),(b),", "e'\\", "savepoint 1;",
	"a:1:", "a.b:1x", "f(", ")\n", "\n", "#0 (1(", "(12): (", "#0 a (",
	"at eval (eval at f (", "+0x1 ", ",[{file,\"", "{a,b,1,[{file,\"a\"},{line,1}]},",
	"Calls: a -> ", "a -> ", " called at a line 1", ": in function ", ":in `",
	"(BuildId: ", "(a[0x", " panicked at ", " line 1, ", " + 1 in "
};

/* The signal ends the program, and prove reports that.  0: no deadline. */
static void
set_deadline(int seconds)
{
	struct itimerval timer = {{0, 0}, {seconds, 0}};

	setitimer(ITIMER_VIRTUAL, &timer, NULL);
}

int
main(void)
{
	char	   *bytes = malloc(TEXT_SIZE);
	char	   *out = malloc(4 * TEXT_SIZE);
	size_t		i;

	setvbuf(stdout, NULL, _IONBF, 0);
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
	{
		HomeoSlice	slice = homeo_slice(bytes, TEXT_SIZE);
		HomeoFrame	frames[64];
		HomeoLogLine line;
		size_t		n = strlen(pieces[i]);
		size_t		ncut;
		size_t		at;

		for (at = 0; at < TEXT_SIZE; at++)
			bytes[at] = pieces[i][at % n];
		bytes[TEXT_SIZE - 1] = ' '; /* not cut off, which is another case */

		set_deadline(DEADLINE_SECONDS);
		(void) homeo_normalize(bytes, TEXT_SIZE, HOMEO_NORMALIZE_ALL, out,
							   4 * TEXT_SIZE);
		(void) homeo_normalize(bytes, TEXT_SIZE, HOMEO_NORMALIZE_LOG, out,
							   4 * TEXT_SIZE);
		homeo_log_line_parse(bytes, TEXT_SIZE, &line);
		(void) homeo_stacktrace_parse(homeo_slice(NULL, 0), slice, frames, 64,
									  &ncut);
		(void) homeo_sql_text_normalize(bytes, TEXT_SIZE, out, 4 * TEXT_SIZE);
		(void) homeo_sql_text_innermost(slice);
		(void) homeo_scrub_takes_secrets(bytes, TEXT_SIZE);
		(void) homeo_scrub_parameters(bytes, TEXT_SIZE);
		(void) homeo_scrub(bytes, TEXT_SIZE);
		set_deadline(0);
		tap_ok(true, "piece %d", (int) i);
	}
	free(out);
	free(bytes);
	return tap_done();
}
