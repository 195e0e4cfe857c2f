/*
 * stack_python.c
 *		Tests of the frames and errors found in tracebacks of Python.
 */
#include "stack_cases.h"

static const Case cases[] = {
	{"a traceback with carets, the innermost frame first, libraries told apart",
		"Traceback (most recent call last):\n"
		"  File \"/srv/shop/main.py\", line 12, in <module>\n"
		"    main()  # see x.py:5\n"
		"    ^^^^^^\n"
		"  File \"/usr/lib/python3.11/json/__init__.py\", line 346, in loads\n"
		"    return _default_decoder.decode(s)\n"
		"           ^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
		"  File \"C:\\venv\\Lib\\site-packages\\x.py\", line 99, in y\n"
		"  File \"<frozen importlib._bootstrap>\", line 241, in _call_with_frames_removed\n"
		"  File \"/srv/shop/cart.py\", line 5, in Cart.total.<locals>.<lambda>\n"
		"    ~~~~~~~~~~~^^^^^^^\n"
		"KeyError: 'CHF'\n",
		"python\n"
		"= alone: KeyError: 'CHF'\n"
		"A|Cart.total.<locals>.<lambda>|/srv/shop/cart.py||5|0\n"
		"-|_call_with_frames_removed|<frozen importlib._bootstrap>||241|0\n"
		"-|y|C:\\venv\\Lib\\site-packages\\x.py||99|0\n"
		"-|loads|/usr/lib/python3.11/json/__init__.py||346|0\n"
	"A|<module>|/srv/shop/main.py||12|0\n"},
	{"a direct cause: what is printed first is the root",
		"Traceback (most recent call last):\n"
		"  File \"/srv/shop/rates.py\", line 6, in rate\n"
		"    return rates[code]\n"
		"KeyError: 'CHF'\n"
		"\n"
		"The above exception was the direct cause of the following exception:\n"
		"\n"
		"Traceback (most recent call last):\n"
		"  File \"/srv/shop/cart.py\", line 12, in total\n"
		"    rate(code)\n"
		"shop.errors.NoRate: CHF\n"
		"\n"
		"During handling of the above exception, another exception occurred:\n"
		"\n"
		"Traceback (most recent call last):\n"
		"  File \"/srv/shop/main.py\", line 20, in <module>\n"
		"    log.failed()\n"
		"AttributeError: 'NoneType' object has no attribute 'failed'\n",
		"python\n"
		"= alone: KeyError: 'CHF'\n"
		"A|rate|/srv/shop/rates.py||6|0\n"
		"= effect of 0: shop.errors.NoRate: CHF\n"
		"A|total|/srv/shop/cart.py||12|0\n"
		"= effect of 1: AttributeError: 'NoneType' object has no attribute 'failed'\n"
	"A|<module>|/srv/shop/main.py||20|0\n"},
	{"an exception group: its first exception is the root",
		"  + Exception Group Traceback (most recent call last):\n"
		"  |   File \"/srv/a.py\", line 20, in <module>\n"
		"  |     m()\n"
		"  |   File \"/srv/a.py\", line 19, in m\n"
		"  |     raise ExceptionGroup(\"many\", [ValueError(1), e2])\n"
		"  | ExceptionGroup: many (3 sub-exceptions)\n"
		"  +-+---------------- 1 ----------------\n"
		"    | Traceback (most recent call last):\n"
		"    |   File \"/srv/a.py\", line 17, in m\n"
		"    |     h(1)\n"
		"    | ValueError: 1\n"
		"    | \n"
		"    | During handling of the above exception, another exception occurred:\n"
		"    | \n"
		"    | Traceback (most recent call last):\n"
		"    |   File \"/srv/a.py\", line 18, in m\n"
		"    |     h(2)\n"
		"    | TypeError: 2\n"
		"    +---------------- 2 ----------------\n"
		"    | ExceptionGroup: in (1 sub-exception)\n"
		"    +-+---------------- 1 ----------------\n"
		"      | Traceback (most recent call last):\n"
		"      |   File \"/srv/a.py\", line 5, in deep\n"
		"      |     x\n"
		"      | KeyError: 'x'\n"
		"      +------------------------------------\n"
		"    +---------------- 3 ----------------\n"
		"    | OSError: no traceback\n"
		"    +------------------------------------\n",
		"python\n"
		"= member of 5: ValueError: 1\n"
		"A|m|/srv/a.py||17|0\n"
		"= effect of 0: TypeError: 2\n"
		"A|m|/srv/a.py||18|0\n"
		"= member of 3: KeyError: 'x'\n"
		"A|deep|/srv/a.py||5|0\n"
		"= member of 5: ExceptionGroup: in (1 sub-exception)\n"
		"= member of 5: OSError: no traceback\n"
		"= alone: ExceptionGroup: many (3 sub-exceptions)\n"
		"A|m|/srv/a.py||19|0\n"
	"A|<module>|/srv/a.py||20|0\n"},
	{"recursion",
		"Traceback (most recent call last):\n"
		"  File \"/srv/a.py\", line 17, in m\n"
		"    try: h(1000000)\n"
		"         ^^^^^^^^^^\n"
		"  File \"/srv/a.py\", line 10, in h\n"
		"    return h(n-1) if n else 1/0\n"
		"           ^^^^^^\n"
		"  File \"/srv/a.py\", line 10, in h\n"
		"    return h(n-1) if n else 1/0\n"
		"           ^^^^^^\n"
		"  [Previous line repeated 995 more times]\n"
		"RecursionError: maximum recursion depth exceeded\n",
		"python\n"
		"= alone: RecursionError: maximum recursion depth exceeded\n"
		"A|h|/srv/a.py||10|0\n"
		"A|h|/srv/a.py||10|0\n"
	"A|m|/srv/a.py||17|0\n"},
	{"a syntax error has its place in a frame without a function",
		"Traceback (most recent call last):\n"
		"  File \"/srv/shop/main.py\", line 3, in <module>\n"
		"    import cart\n"
		"  File \"/srv/shop/cart.py\", line 7\n"
		"    def total(:\n"
		"              ^\n"
		"SyntaxError: invalid syntax\n",
		"python\n"
		"= alone: SyntaxError: invalid syntax\n"
		"A||/srv/shop/cart.py||7|0\n"
	"A|<module>|/srv/shop/main.py||3|0\n"},
	{"faulthandler: the innermost frame is printed first, other threads are aside",
		"Fatal Python error: Segmentation fault\n"
		"\n"
		"Thread 0x00007f1c2d7fa700 (most recent call first):\n"
		"  File \"/usr/lib/python3.11/threading.py\", line 324 in wait\n"
		"  File \"/srv/shop/pool.py\", line 9 in work\n"
		"\n"
		"Current thread 0x00007f1c3a1d2740 (most recent call first):\n"
		"  File \"/srv/shop/native.py\", line 4 in crash\n"
		"  File \"/srv/shop/main.py\", line 8 in <module>\n"
		"\n"
		"Extension modules: numpy.core._multiarray_umath (total: 1)\n",
		"python\n"
		"= alone: Current thread 0x00007f1c3a1d2740 (most recent call first):\n"
		"A|crash|/srv/shop/native.py||4|0\n"
		"A|<module>|/srv/shop/main.py||8|0\n"
		"= aside: Thread 0x00007f1c2d7fa700 (most recent call first):\n"
		"-|wait|/usr/lib/python3.11/threading.py||324|0\n"
	"A|work|/srv/shop/pool.py||9|0\n"},
	{"two errors of one log, with a time before the first line",
		"2024-01-31 12:34:56,789 ERROR shop.views: Internal Server Error: /cart\n"
		"Traceback (most recent call last):\n"
		"  File \"/srv/shop/views.py\", line 3, in get\n"
		"    f()\n"
		"ValueError: one\n"
		"2024-01-31 12:34:57,001 INFO shop.views: next\n"
		"2024-01-31 12:34:58,001 ERROR shop.views: Internal Server Error: /pay\n"
		"Traceback (most recent call last):\n"
		"  File \"/srv/shop/pay.py\", line 30, in post\n"
		"    g()\n"
		"shop.errors.Declined\n",
		"python\n"
		"= alone: ValueError: one\n"
		"A|get|/srv/shop/views.py||3|0\n"
		"= alone: shop.errors.Declined\n"
	"A|post|/srv/shop/pay.py||30|0\n"},
	{"syslog before each line",
		"Jan 31 12:34:56 web7 shop[123]: Traceback (most recent call last):\n"
		"Jan 31 12:34:56 web7 shop[123]:   File \"/srv/shop/a.py\", line 3, in f\n"
		"Jan 31 12:34:56 web7 shop[123]:     g()\n"
		"Jan 31 12:34:56 web7 shop[123]:   File \"/srv/shop/b.py\", line 4, in g\n"
		"Jan 31 12:34:56 web7 shop[123]:     x: int = h()\n"
		"Jan 31 12:34:56 web7 shop[123]: ValueError: bad\n",
		"python\n"
		"= alone: ValueError: bad\n"
		"A|g|/srv/shop/b.py||4|0\n"
	"A|f|/srv/shop/a.py||3|0\n"},
	{"kubelet's lines",
		"2024-01-31T12:34:56.123456789Z stderr F Traceback (most recent call last):\n"
		"2024-01-31T12:34:56.123456789Z stderr F   File \"/srv/shop/a.py\", line 3, in f\n"
		"2024-01-31T12:34:56.123456789Z stderr F     g()\n"
		"2024-01-31T12:34:56.123456789Z stderr F ValueError: bad\n",
		"python\n"
		"= alone: ValueError: bad\n"
	"A|f|/srv/shop/a.py||3|0\n"},
	{"docker compose",
		"web-1  | Traceback (most recent call last):\n"
		"web-1  |   File \"/srv/shop/a.py\", line 3, in f\n"
		"web-1  |     g()\n"
		"web-1  | ValueError: bad\n",
		"python\n"
		"= alone: ValueError: bad\n"
	"A|f|/srv/shop/a.py||3|0\n"},
	{"heroku",
		"2024-01-31T12:34:56.123456+00:00 app[web.1]: Traceback (most recent call last):\n"
		"2024-01-31T12:34:56.123457+00:00 app[web.1]:   File \"/app/a.py\", line 3, in f\n"
		"2024-01-31T12:34:56.123458+00:00 app[web.1]: ValueError: bad\n",
		"python\n"
		"= alone: ValueError: bad\n"
	"A|f|/app/a.py||3|0\n"},
	{"IPython",
		"---------------------------------------------------------------------------\n"
		"ZeroDivisionError                         Traceback (most recent call last)\n"
		"Cell In[3], line 2\n"
		"      1 def f(x):\n"
		"----> 2     return g(x)\n"
		"\n"
		"File ~/shop/cart.py:12, in g(x)\n"
		"     10 def g(x):\n"
		"---> 12     return 1 / x\n"
		"\n"
		"ZeroDivisionError: division by zero\n",
		"python\n"
		"= alone: ZeroDivisionError: division by zero\n"
		"A|g|~/shop/cart.py||12|0\n"
	"A||In[3]||2|0\n"},
	{"a worker process told its traceback as a message",
		"concurrent.futures.process._RemoteTraceback: \n"
		"\"\"\"\n"
		"Traceback (most recent call last):\n"
		"  File \"/usr/lib/python3.11/concurrent/futures/process.py\", line 256, in _process_worker\n"
		"    r = call_item.fn(*call_item.args, **call_item.kwargs)\n"
		"  File \"/srv/shop/job.py\", line 3, in run\n"
		"    raise ValueError(\"x\")\n"
		"ValueError: x\n"
		"\"\"\"\n"
		"\n"
		"The above exception was the direct cause of the following exception:\n"
		"\n"
		"Traceback (most recent call last):\n"
		"  File \"/srv/shop/main.py\", line 9, in <module>\n"
		"    f.result()\n"
		"ValueError: x\n",
		"python\n"
		"= alone: ValueError: x\n"
		"A|run|/srv/shop/job.py||3|0\n"
		"-|_process_worker|/usr/lib/python3.11/concurrent/futures/process.py||256|0\n"
		"= effect of 0: ValueError: x\n"
	"A|<module>|/srv/shop/main.py||9|0\n"},
	{"log text is no frame",
		"2024-01-31 12:34:56,789 INFO shop: File \"cart.csv\", 12 lines read\n"
		"File \"cart.csv\" was not found, line endings were guessed\n"
		"WARNING: retrying in 5 s (attempt 2 of 5)\n"
		"django.request: GET /cart 200\n",
	"-\n"},
};

int
main(void)
{
	return run_cases(cases, sizeof(cases) / sizeof(cases[0]));
}
