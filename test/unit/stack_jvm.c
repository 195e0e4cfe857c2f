/*
 * stack_jvm.c
 *		Tests of the frames and errors found in stacks of Java, Kotlin and Scala.
 */
#include "stack_cases.h"

static const Case cases[] = {
	{"classes, methods, sources, loaders and modules",
		"java.lang.IllegalStateException: bad (x.y:5)\n"
		"\tat com.foo.Bar.baz(Bar.java:12)\n"
		"\tat java.base/java.lang.Thread.run(Thread.java:829)\n"
		"\tat java.base@17.0.1/java.util.ArrayList.forEach(ArrayList.java:1511)\n"
		"\tat app//com.foo.Bar.lambda$x$0(Bar.kt:15)\n"
		"\tat platform/java.sql@17/java.sql.Driver.x(Driver.java:1)\n"
		"\tat deployment.shop.war//com.foo.Servlet.get(Servlet.java:33)\n"
		"\tat com.foo.Bar$$Lambda$14/0x08c0.run(Unknown Source)\n"
		"\tat com.foo.Bar$$Lambda/0x00007f2.run(Unknown Source)\n"
		"\tat com.foo.Svc$$EnhancerBySpringCGLIB$$a1b2.save(<generated>)\n"
		"\tat sun.reflect.N.invoke0(Native Method)\n"
		"\tat org.springframework.X.y(X.java)\n"
		"\tat com.foo.a.b(Unknown Source:12)\n"
		"\tat com.foo.Bar.<init>(Bar.java:3) ~[foo.jar:1.0]\n"
		"\tat com.foo.Bar.<clinit>(Bar.java:2) [classes/:?]\n"
		"\tat com.foo.CartTest.total is not negative(CartTest.kt:9)\n"
		"\tat com.foo.Main$.delayedEndpoint$com$foo$Main$1(Main.scala:7)\n"
		"\tat user$eval1.invoke(NO_SOURCE_FILE:1)\n"
		"\tat java.lang.Thread.run(java.base@17.0.1/Thread.java:840)\n"
		"\tat com.foo.Bar.cut(Bar.ja\n",
		"java\n"
		"= alone: java.lang.IllegalStateException: bad (x.y:5)\n"
		"A|baz|Bar.java|com.foo.Bar|12|0\n"
		"-|run|Thread.java|java.lang.Thread|829|0\n"
		"-|forEach|ArrayList.java|java.util.ArrayList|1511|0\n"
		"A|lambda$x$0|Bar.kt|com.foo.Bar|15|0\n"
		"-|x|Driver.java|java.sql.Driver|1|0\n"
		"A|get|Servlet.java|com.foo.Servlet|33|0\n"
		"A|run||com.foo.Bar$$Lambda$14/0x08c0|0|0\n"
		"A|run||com.foo.Bar$$Lambda/0x00007f2|0|0\n"
		"A|save||com.foo.Svc$$EnhancerBySpringCGLIB$$a1b2|0|0\n"
		"-|invoke0||sun.reflect.N|0|0\n"
		"-|y|X.java|org.springframework.X|0|0\n"
		"A|b||com.foo.a|12|0\n"
		"A|<init>|Bar.java|com.foo.Bar|3|0\n"
		"A|<clinit>|Bar.java|com.foo.Bar|2|0\n"
		"A|total is not negative|CartTest.kt|com.foo.CartTest|9|0\n"
		"A|delayedEndpoint$com$foo$Main$1|Main.scala|com.foo.Main$|7|0\n"
		"A|invoke|NO_SOURCE_FILE|user$eval1|1|0\n"
	"-|run|Thread.java|java.lang.Thread|840|0\n"},
	{"causes and suppressed ones, as Java prints them: the root is the last",
		"Exception in thread \"main\" java.lang.Exception: top\n"
		"\tat Main.main(Main.java:4)\n"
		"Caused by: java.lang.IllegalArgumentException: bad input\n"
		"\tat Main.f(Main.java:3)\n"
		"\tat Main.main(Main.java:4)\n"
		"\tSuppressed: java.lang.IllegalStateException: close\n"
		"\t\tat Main$R.close(Main.java:2)\n"
		"\t\t... 8 more\n"
		"\tCaused by: java.lang.RuntimeException: why\n"
		"\t\tat Main$R.why(Main.java:9)\n"
		"\t\t... 9 more\n"
		"Caused by: java.lang.NumberFormatException: For input string: \"x\"\n"
		"\tat java.base/java.lang.NumberFormatException.forInputString(NumberFormatException.java:67)\n"
		"\tat java.base/java.lang.Integer.parseInt(Integer.java:668)\n"
		"\t... 11 more\n",
		"java\n"
		"= cause of 1: Caused by: java.lang.NumberFormatException: For input string: \"x\"\n"
		"-|forInputString|NumberFormatException.java|java.lang.NumberFormatException|67|0\n"
		"-|parseInt|Integer.java|java.lang.Integer|668|0\n"
		"= cause of 2: Caused by: java.lang.IllegalArgumentException: bad input\n"
		"A|f|Main.java|Main|3|0\n"
		"A|main|Main.java|Main|4|0\n"
		"= alone: Exception in thread \"main\" java.lang.Exception: top\n"
		"A|main|Main.java|Main|4|0\n"
		"= cause of 4: Caused by: java.lang.RuntimeException: why\n"
		"A|why|Main.java|Main$R|9|0\n"
		"= suppressed of 1: Suppressed: java.lang.IllegalStateException: close\n"
	"A|close|Main.java|Main$R|2|0\n"},
	{"logback with the root first",
		"java.lang.NumberFormatException: For input string: \"x\"\n"
		"\tat java.lang.Integer.parseInt(Integer.java:668)\n"
		"\tat com.foo.Main.f(Main.java:3)\n"
		"\t... 3 common frames omitted\n"
		"Wrapped by: java.lang.IllegalArgumentException: bad input\n"
		"\tat com.foo.Main.g(Main.java:4)\n"
		"\tat com.foo.Main.main(Main.java:5)\n",
		"java\n"
		"= alone: java.lang.NumberFormatException: For input string: \"x\"\n"
		"-|parseInt|Integer.java|java.lang.Integer|668|0\n"
		"A|f|Main.java|com.foo.Main|3|0\n"
		"= effect of 0: Wrapped by: java.lang.IllegalArgumentException: bad input\n"
		"A|g|Main.java|com.foo.Main|4|0\n"
	"A|main|Main.java|com.foo.Main|5|0\n"},
	{"two errors of one log",
		"2024-01-31 12:34:56.789 ERROR 1 --- [nio-8080-exec-1] c.f.Cart : failed\n"
		"java.lang.IllegalStateException: one\n"
		"\tat com.foo.Cart.total(Cart.java:12)\n"
		"Caused by: java.io.IOException: gone\n"
		"\tat com.foo.Rates.get(Rates.java:7)\n"
		"\t... 1 more\n"
		"2024-01-31 12:34:57.001 INFO 1 --- [nio-8080-exec-1] c.f.Cart : next\n"
		"2024-01-31 12:34:58.001 ERROR 1 --- [nio-8080-exec-2] c.f.Pay : failed\n"
		"com.foo.DeclinedException: two\n"
		"\tat com.foo.Pay.post(Pay.java:30)\n",
		"java\n"
		"= cause of 1: Caused by: java.io.IOException: gone\n"
		"A|get|Rates.java|com.foo.Rates|7|0\n"
		"= alone: java.lang.IllegalStateException: one\n"
		"A|total|Cart.java|com.foo.Cart|12|0\n"
		"= alone: com.foo.DeclinedException: two\n"
	"A|post|Pay.java|com.foo.Pay|30|0\n"},
	{"logcat before each line",
		"01-31 12:34:56.789  1234  1234 E AndroidRuntime: FATAL EXCEPTION: main\n"
		"01-31 12:34:56.789  1234  1234 E AndroidRuntime: java.lang.NullPointerException: x\n"
		"01-31 12:34:56.789  1234  1234 E AndroidRuntime: \tat com.foo.Cart.total(Cart.java:12)\n"
		"01-31 12:34:56.789  1234  1234 E AndroidRuntime: \tat android.app.Activity.performCreate(Activity.java:8000)\n"
		"01-31 12:34:56.789  1234  1234 E AndroidRuntime: Caused by: java.io.IOException: gone\n"
		"01-31 12:34:56.789  1234  1234 E AndroidRuntime: \tat com.foo.Rates.get(SourceFile:7)\n"
		"01-31 12:34:56.789  1234  1234 E AndroidRuntime: \t... 11 more\n",
		"java\n"
		"= cause of 1: Caused by: java.io.IOException: gone\n"
		"A|get||com.foo.Rates|7|0\n"
		"= alone: java.lang.NullPointerException: x\n"
		"A|total|Cart.java|com.foo.Cart|12|0\n"
	"-|performCreate|Activity.java|android.app.Activity|8000|0\n"},
	{"older logcat",
		"E/AndroidRuntime( 1234): java.lang.NullPointerException\n"
		"E/AndroidRuntime( 1234): \tat com.foo.Cart.total(Cart.java:12)\n",
		"java\n"
		"= alone: java.lang.NullPointerException\n"
	"A|total|Cart.java|com.foo.Cart|12|0\n"},
	{"a thread dump",
		"\"main\" #1 prio=5 os_prio=0 cpu=98.52ms elapsed=7.12s tid=0x00007f nid=0x1b runnable  [0x00007f]\n"
		"   java.lang.Thread.State: RUNNABLE\n"
		"\tat com.foo.Main.main(Main.java:4)\n"
		"\t- locked <0x000000070f8> (a java.lang.Object)\n"
		"\n"
		"\"Finalizer\" #3 daemon prio=8 os_prio=0 tid=0x00007f nid=0x1e in Object.wait()  [0x00007f]\n"
		"\tat java.lang.Object.wait(java.base@17/Native Method)\n"
		"\tat java.lang.ref.Finalizer$FinalizerThread.run(java.base@17.0.1/Finalizer.java:172)\n",
		"java\n"
		"= aside: \"main\" #1 prio=5 os_prio=0 cpu=98.52ms elapsed=7.12s tid=0x00007f nid=0x1b runnable  [0x00007f]\n"
		"A|main|Main.java|com.foo.Main|4|0\n"
		"= aside: \"Finalizer\" #3 daemon prio=8 os_prio=0 tid=0x00007f nid=0x1e in Object.wait()  [0x00007f]\n"
		"-|wait||java.lang.Object|0|0\n"
	"-|run|Finalizer.java|java.lang.ref.Finalizer$FinalizerThread|172|0\n"},
	{"log text is no frame",
		"2024-01-31 12:34:56 INFO com.foo.Bar: at startup (see Bar.java) all was well\n"
		"at first (Bar.java:12) it worked\n"
		"\tat least 3 of 5 (60%) nodes answered\n",
	"-\n"},
};

int
main(void)
{
	return run_cases(cases, sizeof(cases) / sizeof(cases[0]));
}
