/*
 * stack_dotnet.c
 *		Tests of the frames and errors found in stacks of .NET.
 */
#include "stack_cases.h"

static const Case cases[] = {
	{"inner exceptions: the root's frames come first",
		"Unhandled exception. System.AggregateException: One or more errors occurred. (no rate)\n"
		" ---> Shop.CartException: total failed\n"
		" ---> System.Collections.Generic.KeyNotFoundException: The given key 'CHF' was not present\n"
		"   at System.Collections.Generic.Dictionary`2.get_Item(TKey key)\n"
		"   at Shop.Rates.Get(String code) in C:\\src\\Shop\\Rates.cs:line 7\n"
		"   --- End of inner exception stack trace ---\n"
		"   at Shop.Cart.Total[T](IEnumerable`1 items, Nullable`1& x) in /src/Shop/Cart.cs:line 12\n"
		"   --- End of inner exception stack trace ---\n"
		"   at System.Threading.Tasks.Task.Wait(Int32 millisecondsTimeout, CancellationToken cancellationToken)\n"
		"   at Program.<Main>$(String[] args) in /src/Shop/Program.cs:line 3\n",
		"csharp\n"
		"= cause of 1: ---> System.Collections.Generic.KeyNotFoundException: The given key 'CHF' was not present\n"
		"-|System.Collections.Generic.Dictionary`2.get_Item|||0|0\n"
		"A|Shop.Rates.Get|C:\\src\\Shop\\Rates.cs||7|0\n"
		"= cause of 2: ---> Shop.CartException: total failed\n"
		"A|Shop.Cart.Total[T]|/src/Shop/Cart.cs||12|0\n"
		"= alone: Unhandled exception. System.AggregateException: One or more errors occurred. (no rate)\n"
		"-|System.Threading.Tasks.Task.Wait|||0|0\n"
	"A|Program.<Main>$|/src/Shop/Program.cs||3|0\n"},
	{"async methods, lambdas and local functions",
		"System.InvalidOperationException: bad\n"
		"   at Shop.Cart.<LoadAsync>d__5.MoveNext() in /src/Cart.cs:line 12\n"
		"--- End of stack trace from previous location ---\n"
		"   at System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw()\n"
		"   at Shop.Cart.<>c__DisplayClass1_0.<Total>b__0(Line l) in /src/Cart.cs:line 20\n"
		"   at Shop.Cart.<Total>g__Add|3_0(Int32 x)\n"
		"   at lambda_method12(Closure , Object , Object[] )\n"
		"--- End of stack trace from previous location where exception was thrown ---\n"
		"   at Microsoft.AspNetCore.Mvc.Infrastructure.ActionMethodExecutor.Execute()\n"
		"   at Shop.Api..ctor()\n",
		"csharp\n"
		"= alone: System.InvalidOperationException: bad\n"
		"A|Shop.Cart.<LoadAsync>d__5.MoveNext|/src/Cart.cs||12|0\n"
		"-|System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw|||0|0\n"
		"A|Shop.Cart.<>c__DisplayClass1_0.<Total>b__0|/src/Cart.cs||20|0\n"
		"A|Shop.Cart.<Total>g__Add|3_0|||0|0\n"
		"-|lambda_method12|||0|0\n"
		"-|Microsoft.AspNetCore.Mvc.Infrastructure.ActionMethodExecutor.Execute|||0|0\n"
	"A|Shop.Api..ctor|||0|0\n"},
	{"the exceptions of an aggregate",
		"System.AggregateException: One or more errors occurred. (a) (b)\n"
		" ---> System.InvalidOperationException: a\n"
		"   at Shop.A.Run() in /src/A.cs:line 1\n"
		"   --- End of inner exception stack trace ---\n"
		"   at Shop.All.Run() in /src/All.cs:line 9\n"
		" ---> (Inner Exception #1) System.ArgumentException: b\n"
		"   at Shop.B.Run() in /src/B.cs:line 2<---\n",
		"csharp\n"
		"= cause of 2: ---> System.InvalidOperationException: a\n"
		"A|Shop.A.Run|/src/A.cs||1|0\n"
		"= cause of 2: ---> (Inner Exception #1) System.ArgumentException: b\n"
		"A|Shop.B.Run|/src/B.cs||2|0\n"
		"= alone: System.AggregateException: One or more errors occurred. (a) (b)\n"
	"A|Shop.All.Run|/src/All.cs||9|0\n"},
	{"Mono and Unity",
		"NullReferenceException: Object reference not set to an instance of an object\n"
		"  at Shop.Cart.Total (System.Int32 id) [0x00012] in /src/Cart.cs:12 \n"
		"  at Shop.Main.Run () [0x00000] in <9577ac7a62ef43179789031239ba8798>:0 \n"
		"  at (wrapper managed-to-native) System.Reflection.Invoke (object) [0x00000] in <filename unknown>:0\n",
		"csharp\n"
		"= alone: NullReferenceException: Object reference not set to an instance of an object\n"
		"A|Shop.Cart.Total|/src/Cart.cs||12|0\n"
	"A|Shop.Main.Run|||0|0\n"},
	{"a system in German",
		"System.Exception: kaputt\n"
		"   bei Shop.Cart.Total(Int32 id) in C:\\src\\Cart.cs:Zeile 12.\n"
		"   bei System.Threading.Thread.Run()\n",
		"csharp\n"
		"= alone: System.Exception: kaputt\n"
		"A|Shop.Cart.Total|C:\\src\\Cart.cs||12|0\n"
	"-|System.Threading.Thread.Run|||0|0\n"},
	{"log text is no frame",
		"at 12:30 (UTC) the cart was saved in /tmp/x\n"
		"we are at Shop.Total (all of it)\n"
		"info: Microsoft.Hosting.Lifetime[14] Now listening on: http://localhost:5000\n",
	"-\n"},
};

int
main(void)
{
	return run_cases(cases, sizeof(cases) / sizeof(cases[0]));
}
