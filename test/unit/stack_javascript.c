/*
 * stack_javascript.c
 *		Tests of the frames and errors found in stacks of JavaScript.
 */
#include "stack_cases.h"

static const Case cases[] = {
	{"every form that V8 prints",
		"TypeError: Cannot read (x.js:1:2) of undefined\n"
		"    at Foo.bar (/app/src/foo.js:10:15)\n"
		"    at new Foo (file:///app/src/foo.js:1:1)\n"
		"    at async Promise.all (index 0)\n"
		"    at async f (/app/(x)/y.ts:3:4)\n"
		"    at /app/x y/z.js:3:4\n"
		"    at async file:///app/main.mjs:5:3\n"
		"    at Object.<anonymous> [as f] (/app/node_modules/x/i.js:1:2)\n"
		"    at eval (eval at f (/app/x.js:1:1), <anonymous>:1:1)\n"
		"    at eval (eval at <anonymous> (eval at f (/app/x.js:1:1)), <anonymous>:1:7)\n"
		"    at Array.map (<anonymous>)\n"
		"    at new Promise (<anonymous>)\n"
		"    at Cart.render (webpack-internal:///./src/Cart.jsx:12:9)\n"
		"    at ./src/App.js (http://localhost:3000/static/js/main.chunk.js:100:11)\n"
		"    at String.replace (native)\n"
		"    at wasm://wasm/0052e19e:wasm-function[12]:0x34\n"
		"    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)\n"
		"    at nothing in particular\n",
		"javascript\n"
		"= alone: TypeError: Cannot read (x.js:1:2) of undefined\n"
		"A|Foo.bar|/app/src/foo.js||10|15\n"
		"A|new Foo|file:///app/src/foo.js||1|1\n"
		"-|Promise.all|index 0||0|0\n"
		"A|f|/app/(x)/y.ts||3|4\n"
		"A||/app/x y/z.js||3|4\n"
		"A||file:///app/main.mjs||5|3\n"
		"-|Object.<anonymous>|/app/node_modules/x/i.js||1|2\n"
		"-|eval|<anonymous>||1|1\n"
		"-|eval|<anonymous>||1|7\n"
		"-|Array.map|<anonymous>||0|0\n"
		"-|new Promise|<anonymous>||0|0\n"
		"A|Cart.render|webpack-internal:///./src/Cart.jsx||12|9\n"
		"A|./src/App.js|http://localhost:3000/static/js/main.chunk.js||100|11\n"
		"-|String.replace|native||0|0\n"
		"A||wasm://wasm/0052e19e:wasm-function[12]:0x34||0|0\n"
	"-|process.processTicksAndRejections|node:internal/process/task_queues||95|5\n"},
	{"causes and groups as Node shows them",
		"Error: outer\n"
		"    at g (/src/a.js:3:57) {\n"
		"  code: 'E_OUTER',\n"
		"  [cause]: TypeError: Cannot read properties of undefined (reading 'z')\n"
		"      at Foo.bar (/src/a.js:1:62)\n"
		"      at async g (/src/a.js:3:27) {\n"
		"    [cause]: Error [ERR_X]: root\n"
		"        at h (/src/b.js:1:2)\n"
		"  }\n"
		"}\n"
		"AggregateError: all\n"
		"    at /src/a.js:5:10 {\n"
		"  [errors]: [\n"
		"    Error: a\n"
		"        at /src/a.js:5:30,\n"
		"    TypeError: b\n"
		"        at /src/a.js:5:46\n"
		"  ]\n"
		"}\n",
		"javascript\n"
		"= cause of 1: [cause]: Error [ERR_X]: root\n"
		"A|h|/src/b.js||1|2\n"
		"= cause of 2: [cause]: TypeError: Cannot read properties of undefined (reading 'z')\n"
		"A|Foo.bar|/src/a.js||1|62\n"
		"A|g|/src/a.js||3|27\n"
		"= alone: Error: outer\n"
		"A|g|/src/a.js||3|57\n"
		"= member of 5: Error: a\n"
		"A||/src/a.js||5|30\n"
		"= member of 5: TypeError: b\n"
		"A||/src/a.js||5|46\n"
		"= alone: AggregateError: all\n"
	"A||/src/a.js||5|10\n"},
	{"Node: what was not caught",
		"/app/a.js:5\n"
		" const a = null; a.x;\n"
		"                   ^\n"
		"\n"
		"TypeError: Cannot read properties of null (reading 'x')\n"
		"    at /app/a.js:5:97\n"
		"\n"
		"Node.js v20.20.2\n",
		"javascript\n"
		"= alone: TypeError: Cannot read properties of null (reading 'x')\n"
	"A||/app/a.js||5|97\n"},
	{"Firefox",
		"total@https://shop.example/static/cart.js:12:5\n"
		"Cart.prototype.load/<@https://shop.example/static/cart.js:20:9\n"
		"async*load@https://shop.example/static/cart.js:31:7\n"
		"promise callback*start@https://shop.example/static/main.js:3:1\n"
		"f@https://shop.example/x.js line 12 > eval:1:1\n"
		"@https://shop.example/static/main.js:40:2\n"
		"onclick@moz-extension://1b2c/content.js:1:1\n",
		"javascript\n"
		"= alone: \n"
		"A|total|https://shop.example/static/cart.js||12|5\n"
		"A|Cart.prototype.load/<|https://shop.example/static/cart.js||20|9\n"
		"A|load|https://shop.example/static/cart.js||31|7\n"
		"A|start|https://shop.example/static/main.js||3|1\n"
		"A|f|https://shop.example/x.js||1|1\n"
		"A||https://shop.example/static/main.js||40|2\n"
	"-|onclick|moz-extension://1b2c/content.js||1|1\n"},
	{"Safari",
		"map@[native code]\n"
		"total@https://shop.example/static/cart.js:12:5\n"
		"https://shop.example/static/cart.js:20:9\n"
		"global code@https://shop.example/static/main.js:3:1\n"
		"[native code]\n"
		"module code@https://shop.example/static/m.mjs:1:1\n",
		"javascript\n"
		"= alone: \n"
		"-|map|[native code]||0|0\n"
		"A|total|https://shop.example/static/cart.js||12|5\n"
		"A||https://shop.example/static/cart.js||20|9\n"
		"A|global code|https://shop.example/static/main.js||3|1\n"
		"-||[native code]||0|0\n"
	"A|module code|https://shop.example/static/m.mjs||1|1\n"},
	{"Hermes and Deno",
		"Error: x\n"
		"    at total (address at index.android.bundle:1:2345)\n"
		"    at file:///app/main.ts:5:3\n"
		"    at ext:core/01_core.js:166:30\n",
		"javascript\n"
		"= alone: Error: x\n"
		"A|total|index.android.bundle||1|2345\n"
		"A||file:///app/main.ts||5|3\n"
	"-||ext:core/01_core.js||166|30\n"},
	{"causes as libraries print them",
		"VError: request failed: no route\n"
		"    at Client.send (/app/client.js:10:5)\n"
		"caused by: Error: no route\n"
		"    at Router.find (/app/router.js:3:7)\n",
		"javascript\n"
		"= cause of 1: caused by: Error: no route\n"
		"A|Router.find|/app/router.js||3|7\n"
		"= alone: VError: request failed: no route\n"
	"A|Client.send|/app/client.js||10|5\n"},
	{"log text is no frame",
		"12:34:56 mail for joe@shop.example:25 at 10:30:00 was sent\n"
		"at 12:30 the job ran (took 5:20)\n"
		"user@host:22:1 connected\n"
		"GET https://shop.example/static/cart.js 200\n",
	"-\n"},
};

int
main(void)
{
	return run_cases(cases, sizeof(cases) / sizeof(cases[0]));
}
