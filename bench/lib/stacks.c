/*
 * stacks.c
 *		Times the parser of stack traces; built and run by bench/stacks.
 *
 * usage: stacks SECONDS
 *
 * Each trace is parsed again and again for that long, in rounds; what is
 * printed is the time for one parse, of the fastest round and of the middle
 * one.
 */
#include "text/stacktrace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_FRAMES	256
#define ROUNDS		21

typedef struct Trace
{
	const char *name;
	const char *language;
	char		str[200000];
	size_t		len;
}			Trace;

static Trace traces[6];
static size_t ntraces;

static Trace *
add_trace(const char *name, const char *language)
{
	Trace	   *trace = &traces[ntraces++];

	trace->name = name;
	trace->language = language;
	return trace;
}

static void
add_text(Trace * trace, const char *str)
{
	size_t		n = strlen(str);

	memcpy(trace->str + trace->len, str, n);
	trace->len += n;
}

/* A traceback of eight frames, 1.2 kB, as a web application has them. */
static void
add_python(const char *name, const char *language)
{
	Trace	   *trace = add_trace(name, language);

	add_text(trace,
			 "Traceback (most recent call last):\n"
			 "  File \"/srv/shop/venv/lib/python3.11/site-packages/django/core/handlers/exception.py\", line 55, in inner\n"
			 "    response = get_response(request)\n"
			 "               ^^^^^^^^^^^^^^^^^^^^^\n"
			 "  File \"/srv/shop/venv/lib/python3.11/site-packages/django/core/handlers/base.py\", line 197, in _get_response\n"
			 "    response = wrapped_callback(request, *callback_args, **callback_kwargs)\n"
			 "               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
			 "  File \"/srv/shop/venv/lib/python3.11/site-packages/django/views/generic/base.py\", line 104, in view\n"
			 "    return self.dispatch(request, *args, **kwargs)\n"
			 "  File \"/srv/shop/checkout/views.py\", line 84, in post\n"
			 "    order = self.place(request.user, form.cleaned_data)\n"
			 "  File \"/srv/shop/checkout/orders.py\", line 131, in place\n"
			 "    total = cart.total(currency=data[\"currency\"])\n"
			 "  File \"/srv/shop/checkout/cart.py\", line 41, in total\n"
			 "    return sum(line.price(currency) for line in self.lines)\n"
			 "  File \"/srv/shop/checkout/cart.py\", line 41, in <genexpr>\n"
			 "    return sum(line.price(currency) for line in self.lines)\n"
			 "  File \"/srv/shop/checkout/prices.py\", line 27, in price\n"
			 "    return self.amounts[currency] * self.quantity\n"
			 "KeyError: 'CHF'\n");
}

static void
add_java(void)
{
	Trace	   *trace = add_trace("Java, 41 frames", "java");
	char		line[200];
	int			i;

	add_text(trace, "java.lang.IllegalStateException: no rate\n");
	for (i = 0; i < 40; i++)
	{
		snprintf(line, sizeof(line), i % 3 == 0 ?
				 "\tat com.example.shop.Cart.step%d(Cart.java:%d)\n" :
				 "\tat org.springframework.web.filter.Chain.step%d(Chain.java:%d)\n",
				 i, i + 10);
		add_text(trace, line);
	}
	add_text(trace, "Caused by: java.util.NoSuchElementException: CHF\n"
			 "\tat com.example.shop.Rates.get(Rates.java:7)\n"
			 "\t... 40 more\n");
}

static void
add_log(void)
{
	Trace	   *trace = add_trace("100 kB of log, no frames", "");

	while (trace->len < 100000)
		add_text(trace, "2024-01-31 12:34:56,789 INFO  [worker-3] shop.orders: order 1234 was placed\n"
				 "cache was warm, nothing to be done for 12 of 40 entries (30 %)\n");
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static int
compare(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

static void
time_trace(const Trace * trace, double seconds)
{
	static HomeoFrame frames[MAX_FRAMES];
	double		times[ROUNDS];
	size_t		nframes = 0;
	size_t		ncut;
	int			round;

	for (round = 0; round < ROUNDS; round++)
	{
		double		start = now();
		double		end;
		long		runs = 0;

		do
		{
			int			i;

			for (i = 0; i < 20; i++)
				nframes = homeo_stacktrace_parse(homeo_slice(trace->language, strlen(trace->language)),
												 homeo_slice(trace->str, trace->len),
												 frames, MAX_FRAMES, &ncut);
			runs += 20;
			end = now();
		} while (end - start < seconds / ROUNDS);
		times[round] = (end - start) / (double) runs * 1e6;
	}
	qsort(times, ROUNDS, sizeof(times[0]), compare);
	printf("%-28s %7zu bytes  %3zu frames  %9.2f us  (middle %9.2f us)\n",
		   trace->name, trace->len, nframes, times[0], times[ROUNDS / 2]);
}

int
main(int argc, char **argv)
{
	double		seconds = argc > 1 ? atof(argv[1]) : 1;
	size_t		i;

	add_python("Python, language given", "python");
	add_python("Python, to be found out", "unknown");
	add_java();
	add_log();
	for (i = 0; i < ntraces; i++)
		time_trace(&traces[i], seconds);
	return 0;
}
