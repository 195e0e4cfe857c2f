/*
 * stack_scripts.c
 *		Tests of the frames and errors found in stacks of Ruby, PHP, Perl, Lua and R.
 */
#include "stack_cases.h"

static const Case cases[] = {
	{"Ruby: both styles of quotes",
		"app.rb:10:in `total': undefined method `+' for nil:NilClass (NoMethodError)\n"
		"\tfrom app.rb:12:in 'Cart#total'\n"
		"\tfrom /usr/lib/ruby/gems/3.2.0/gems/rack-3.0.8/lib/rack/builder.rb:5:in `block (2 levels) in call'\n"
		"\tfrom <internal:kernel>:187:in `loop'\n"
		"\tfrom (eval at app.rb:3):1:in 'Object#run'\n"
		"\t ... 12 levels...\n"
		"\tfrom -e:1:in `<main>'\n",
		"ruby\n"
		"= alone: app.rb:10:in `total': undefined method `+' for nil:NilClass (NoMethodError)\n"
		"A|total|app.rb||10|0\n"
		"A|Cart#total|app.rb||12|0\n"
		"-|block (2 levels) in call|/usr/lib/ruby/gems/3.2.0/gems/rack-3.0.8/lib/rack/builder.rb||5|0\n"
		"-|loop|<internal:kernel>||187|0\n"
		"A|Object#run|(eval at app.rb:3)||1|0\n"
	"A|<main>|-e||1|0\n"},
	{"Ruby: causes follow their effects",
		"app.rb:5:in `rescue in load': no rates (RuntimeError)\n"
		"\tfrom app.rb:2:in `load'\n"
		"\tfrom app.rb:9:in `<main>'\n"
		"app.rb:3:in `read': No such file or directory (Errno::ENOENT)\n"
		"\tfrom app.rb:3:in `load'\n"
		"\tfrom app.rb:9:in `<main>'\n",
		"ruby\n"
		"= cause of 1: app.rb:3:in `read': No such file or directory (Errno::ENOENT)\n"
		"A|read|app.rb||3|0\n"
		"A|load|app.rb||3|0\n"
		"A|<main>|app.rb||9|0\n"
		"= alone: app.rb:5:in `rescue in load': no rates (RuntimeError)\n"
		"A|rescue in load|app.rb||5|0\n"
		"A|load|app.rb||2|0\n"
	"A|<main>|app.rb||9|0\n"},
	{"Ruby: 2.5 to 2.7, the innermost last",
		"Traceback (most recent call last):\n"
		"\t2: from app.rb:9:in `<main>'\n"
		"\t1: from app.rb:6:in `load'\n"
		"app.rb:2:in `read': no such file (RuntimeError)\n",
		"ruby\n"
		"= alone: Traceback (most recent call last):\n"
		"A|read|app.rb||2|0\n"
		"A|load|app.rb||6|0\n"
	"A|<main>|app.rb||9|0\n"},
	{"Ruby: a backtrace as Rails logs it",
		"NoMethodError (undefined method `x' for nil:NilClass):\n"
		"\n"
		"app/models/cart.rb:12:in `total'\n"
		"app/controllers/carts_controller.rb:5:in `block in show'\n"
		"vendor/bundle/ruby/3.2.0/gems/puma-6.0/lib/puma/server.rb:5:in 'Puma::Server#run'\n",
		"ruby\n"
		"= alone: NoMethodError (undefined method `x' for nil:NilClass):\n"
		"A|total|app/models/cart.rb||12|0\n"
		"A|block in show|app/controllers/carts_controller.rb||5|0\n"
	"-|Puma::Server#run|vendor/bundle/ruby/3.2.0/gems/puma-6.0/lib/puma/server.rb||5|0\n"},
	{"Ruby: log text is no frame",
		"I, [2024-01-31T12:34:56.123456 #123]  INFO -- : saved at 12:in time\n"
		"found 3:in `cart' today\n"
		"warning from app.rb: 12 left\n",
	"-\n"},
	{"PHP: an error that nobody caught",
		"PHP Fatal error:  Uncaught Shop\\CartException: no rate for CHF\n"
		"in the list in /app/src/Cart.php:5\n"
		"Stack trace:\n"
		"#0 /app/src/Cart.php(12): Shop\\Cart->total(Array, 'a (b', 5)\n"
		"#1 [internal function]: Shop\\Cart->Shop\\{closure}(Object(Shop\\Line))\n"
		"#2 /app/vendor/laravel/framework/src/Illuminate/Pipeline.php(180): array_map(Object(Closure), Array)\n"
		"#3 /app/x.php(3) : eval()'d code(1): f()\n"
		"#4 {main}\n"
		"  thrown in /app/src/Cart.php on line 5\n",
		"php\n"
		"= alone: PHP Fatal error:  Uncaught Shop\\CartException: no rate for CHF\n"
		"A||/app/src/Cart.php||5|0\n"
		"A|Shop\\Cart->total|/app/src/Cart.php||12|0\n"
		"A|Shop\\Cart->Shop\\{closure}|||0|0\n"
		"-|array_map|/app/vendor/laravel/framework/src/Illuminate/Pipeline.php||180|0\n"
		"A|f|/app/x.php(3) : eval()'d code||1|0\n"
	"A|{main}|||0|0\n"},
	{"PHP: the cause is printed first",
		"PHP Fatal error:  Uncaught PDOException: gone in /app/db.php:3\n"
		"Stack trace:\n"
		"#0 /app/rates.php(9): Db->query('select 1')\n"
		"#1 {main}\n"
		"\n"
		"Next RuntimeError: no rates in /app/rates.php:11\n"
		"Stack trace:\n"
		"#0 /app/index.php(2): Rates->load()\n"
		"#1 {main}\n"
		"  thrown in /app/rates.php on line 11\n",
		"php\n"
		"= alone: PHP Fatal error:  Uncaught PDOException: gone in /app/db.php:3\n"
		"A||/app/db.php||3|0\n"
		"A|Db->query|/app/rates.php||9|0\n"
		"A|{main}|||0|0\n"
		"= effect of 0: Next RuntimeError: no rates in /app/rates.php:11\n"
		"A||/app/rates.php||11|0\n"
		"A|Rates->load|/app/index.php||2|0\n"
	"A|{main}|||0|0\n"},
	{"PHP: a warning has its place alone",
		"[31-Jan-2024 12:34:56 UTC] PHP Warning:  Undefined variable $x in /app/index.php on line 7\n"
		"[31-Jan-2024 12:34:57 UTC] PHP Notice:  Undefined index: y in /app/vendor/a/b.php on line 8\n",
		"php\n"
		"= alone: PHP Warning:  Undefined variable $x in /app/index.php on line 7\n"
		"A||/app/index.php||7|0\n"
		"= alone: PHP Notice:  Undefined index: y in /app/vendor/a/b.php on line 8\n"
	"-||/app/vendor/a/b.php||8|0\n"},
	{"PHP: Xdebug, the innermost last",
		"[31-Jan-2024 12:34:56 UTC] PHP Fatal error:  Uncaught Error: x in /app/index.php on line 5\n"
		"[31-Jan-2024 12:34:56 UTC] PHP Stack trace:\n"
		"[31-Jan-2024 12:34:56 UTC] PHP   1. {main}() /app/index.php:0\n"
		"[31-Jan-2024 12:34:56 UTC] PHP   2. Cart->total($id = 5, $x = 'a b') /app/index.php:12\n",
		"php\n"
		"= alone: PHP Fatal error:  Uncaught Error: x in /app/index.php on line 5\n"
		"A|Cart->total|/app/index.php||12|0\n"
	"A|{main}|/app/index.php||0|0\n"},
	{"PHP: Xdebug on a terminal",
		"Fatal error: Uncaught Error: x in /app/index.php on line 5\n"
		"\n"
		"Call Stack:\n"
		"    0.0001     357984   1. {main}() /app/index.php:0\n"
		"    0.0002     358000   2. f($x = 5) /app/index.php:12\n",
		"php\n"
		"= alone: Fatal error: Uncaught Error: x in /app/index.php on line 5\n"
		"A|f|/app/index.php||12|0\n"
	"A|{main}|/app/index.php||0|0\n"},
	{"PHP: Monolog",
		"[2024-01-31 12:34:56] local.ERROR: no rate {\"exception\":\"[object] (Shop\\\\NoRate(code: 0): no rate at /app/Cart.php:5)\n"
		"[stacktrace]\n"
		"#0 /app/Cart.php(12): Cart->total()\n"
		"#1 {main}\n"
		"\n"
		"[previous exception] [object] (PDOException(code: 7): gone at /app/Db.php:70)\n"
		"[stacktrace]\n"
		"#0 /app/Db.php(66): PDO->query('x')\n"
		"#1 {main}\n"
		"\"}\n",
		"php\n"
		"= cause of 1: [previous exception] [object] (PDOException(code: 7): gone at /app/Db.php:70)\n"
		"A||/app/Db.php||70|0\n"
		"A|PDO->query|/app/Db.php||66|0\n"
		"A|{main}|||0|0\n"
		"= alone: local.ERROR: no rate {\"exception\":\"[object] (Shop\\\\NoRate(code: 0): no rate at /app/Cart.php:5)\n"
		"A||/app/Cart.php||5|0\n"
		"A|Cart->total|/app/Cart.php||12|0\n"
	"A|{main}|||0|0\n"},
	{"PHP: log text is no frame",
		"[31-Jan-2024 12:34:56 UTC] cart 12 saved in 5 ms\n"
		"#1 item (12): bread\n"
		"PHP   3. is a list\n",
	"-\n"},
	{"Perl: Carp",
		"bad thing at cart.pl line 1.\n"
		"\tmain::f(\"a (x\", 5) called at cart.pl line 2\n"
		"\teval {...} called at cart.pl line 3\n"
		"\trequire Shop/Cart.pm called at main.pl line 5\n"
		"\tShop::h() called at /usr/share/perl5/Try/Tiny.pm line 102\n"
		"\tTry::Tiny::try('CODE(0x55)') called at main.pl line 9\n",
		"perl\n"
		"= alone: bad thing at cart.pl line 1.\n"
		"A||cart.pl||1|0\n"
		"A|main::f|cart.pl||2|0\n"
		"A|eval|cart.pl||3|0\n"
		"A|require|main.pl||5|0\n"
		"-|Shop::h|/usr/share/perl5/Try/Tiny.pm||102|0\n"
	"-|Try::Tiny::try|main.pl||9|0\n"},
	{"Perl: two messages, one with the line of its input",
		"no such item: 5 at cart.pl line 12, <STDIN> line 3.\n"
		"Use of uninitialized value $x in addition (+) at lib/Cart.pm line 7.\n",
		"perl\n"
		"= alone: no such item: 5 at cart.pl line 12, <STDIN> line 3.\n"
		"A||cart.pl||12|0\n"
		"= alone: Use of uninitialized value $x in addition (+) at lib/Cart.pm line 7.\n"
	"A||lib/Cart.pm||7|0\n"},
	{"Perl: what could not be compiled",
		"Can't locate Foo.pm in @INC (you may need to install the Foo module) at cart.pl line 2.\n"
		"BEGIN failed--compilation aborted at cart.pl line 2.\n",
		"perl\n"
		"= alone: Can't locate Foo.pm in @INC (you may need to install the Foo module) at cart.pl line 2.\n"
		"A||cart.pl||2|0\n"
	"A||cart.pl||2|0\n"},
	{"Perl: Devel::StackTrace",
		"Trace begun at cart.pl line 3\n"
		"main::f('x') called at cart.pl line 8\n",
		"perl\n"
		"= alone: \n"
		"A||cart.pl||3|0\n"
	"A|main::f|cart.pl||8|0\n"},
	{"Perl: log text is no frame",
		"we met at the end of line 5 and left.\n"
		"a new line 12 was added at the top.\n",
	"-\n"},
	{"Lua",
		"lua: cart.lua:3: attempt to index a nil value (local 'x')\n"
		"stack traceback:\n"
		"\t[C]: in function 'error'\n"
		"\tcart.lua:3: in upvalue 'total'\n"
		"\tcart.lua:7: in function <cart.lua:6>\n"
		"\t(...tail calls...)\n"
		"\tcart.lua:9: in method 'load'\n"
		"\tcart.lua:11: in field 'run'\n"
		"\t/usr/share/lua/5.4/socket/http.lua:20: in function 'socket.http.request'\n"
		"\t...\t(skipping 12 levels)\n"
		"\t[string \"x = 1\"]:1: in main chunk\n"
		"\t[C]: in ?\n",
		"lua\n"
		"= alone: lua: cart.lua:3: attempt to index a nil value (local 'x')\n"
		"-|error|[C]||0|0\n"
		"A|total|cart.lua||3|0\n"
		"A|<cart.lua:6>|cart.lua||7|0\n"
		"A|load|cart.lua||9|0\n"
		"A|run|cart.lua||11|0\n"
		"-|socket.http.request|/usr/share/lua/5.4/socket/http.lua||20|0\n"
		"A|main chunk|[string \"x = 1\"]||1|0\n"
	"-||[C]||0|0\n"},
	{"Lua: log text is no frame",
		"2024-01-31 12:34:56: in function of time\n"
		"cart: in main chunk of work\n",
	"-\n"},
	{"R: traceback() and where it was called",
		"Error in total(cart) : no rate\n"
		"3: stop(\"no rate\") at cart.R#5\n"
		"2: total(cart) at cart.R#9\n"
		"1: main()\n",
		"r\n"
		"= alone: Error in total(cart) : no rate\n"
		"-|stop|cart.R||5|0\n"
		"A|total|cart.R||9|0\n"
	"A|main|||0|0\n"},
	{"R: Rscript",
		"Error in total(cart) : no rate\n"
		"Calls: main -> load -> total -> base::stop\n"
		"Execution halted\n",
		"r\n"
		"= alone: Error in total(cart) : no rate\n"
		"-|base::stop|||0|0\n"
		"A|total|||0|0\n"
		"A|load|||0|0\n"
	"A|main|||0|0\n"},
	{"R: rlang",
		"Error in `total()`:\n"
		"! no rate\n"
		"Backtrace:\n"
		"    \xe2\x96\x86" "\n"
		" 1. \xe2\x94\x9c" "\xe2\x94\x80" "global main()\n"
		" 2. \xe2\x94\x82" " \xe2\x94\x94" "\xe2\x94\x80" "global total(cart) at cart.R:12:3\n"
		" 3. \xe2\x94\x94" "\xe2\x94\x80" "dplyr::filter(cart, x > 1)\n",
		"r\n"
		"= alone: Error in `total()`:\n"
		"-|dplyr::filter|||0|0\n"
		"A|total|cart.R||12|3\n"
	"A|main|||0|0\n"},
	{"R: log text is no frame",
		"1: one thing (see below)\n"
		"Calls: 12 in all\n",
	"-\n"},
};

int
main(void)
{
	return run_cases(cases, sizeof(cases) / sizeof(cases[0]));
}
