/*
 * stack_others.c
 *		Tests of the frames and errors found in stacks of Elixir, Erlang and Dart.
 */
#include "stack_cases.h"

static const Case cases[] = {
	{"Elixir",
		"** (KeyError) key :chf not found in: %{eur: 1}\n"
		"    (shop 0.1.0) lib/shop/cart.ex:12: Shop.Cart.total/2\n"
		"    (shop 0.1.0) lib/shop/cart.ex:20: anonymous fn/1 in Shop.Cart.load/1\n"
		"    (elixir 1.14.0) lib/enum.ex:1658: Enum.\"-map/2-lists^map/1-0-\"/2\n"
		"    :erlang.binary_to_integer(\"x\")\n"
		"    (stdlib 4.0) :lists.map/2\n"
		"    (ecto_sql 3.9.0) lib/ecto/adapters/sql.ex:913: Ecto.Adapters.SQL.raise_sql_call_error/1\n"
		"    lib/shop/main.ex:3: Shop.Main.run/0\n"
		"    (stdlib 4.0) erl_eval.erl:748: :erl_eval.do_apply/7\n",
		"elixir\n"
		"= alone: ** (KeyError) key :chf not found in: %{eur: 1}\n"
		"A|Shop.Cart.total/2|lib/shop/cart.ex|shop|12|0\n"
		"A|anonymous fn/1 in Shop.Cart.load/1|lib/shop/cart.ex|shop|20|0\n"
		"-|Enum.\"-map/2-lists^map/1-0-\"/2|lib/enum.ex|elixir|1658|0\n"
		"-|:erlang.binary_to_integer|||0|0\n"
		"-|:lists.map/2||stdlib|0|0\n"
		"-|Ecto.Adapters.SQL.raise_sql_call_error/1|lib/ecto/adapters/sql.ex|ecto_sql|913|0\n"
		"A|Shop.Main.run/0|lib/shop/main.ex||3|0\n"
	"-|:erl_eval.do_apply/7|erl_eval.erl|stdlib|748|0\n"},
	{"Elixir: the cause of an exit",
		"** (exit) exited in: GenServer.call(Shop.Cart, :total, 5000)\n"
		"    ** (EXIT) an exception was raised:\n"
		"        ** (RuntimeError) no rate\n"
		"            (shop 0.1.0) lib/shop/rates.ex:7: Shop.Rates.get/1\n"
		"    (elixir 1.14.0) lib/gen_server.ex:1038: GenServer.call/3\n"
		"    (shop 0.1.0) lib/shop/web.ex:9: Shop.Web.show/2\n",
		"elixir\n"
		"= cause of 1: ** (EXIT) an exception was raised:\n"
		"A|Shop.Rates.get/1|lib/shop/rates.ex|shop|7|0\n"
		"= alone: ** (exit) exited in: GenServer.call(Shop.Cart, :total, 5000)\n"
		"-|GenServer.call/3|lib/gen_server.ex|elixir|1038|0\n"
	"A|Shop.Web.show/2|lib/shop/web.ex|shop|9|0\n"},
	{"Elixir: a process that has ended",
		"12:34:56.789 [error] GenServer Shop.Cart terminating\n"
		"** (RuntimeError) no rate\n"
		"    (shop 0.1.0) lib/shop/rates.ex:7: Shop.Rates.get/1\n"
		"    (stdlib 4.0) gen_server.erl:1149: :gen_server.try_dispatch/4\n"
		"Last message: {:\"$gen_cast\", :x}\n",
		"elixir\n"
		"= alone: ** (RuntimeError) no rate\n"
		"A|Shop.Rates.get/1|lib/shop/rates.ex|shop|7|0\n"
	"-|:gen_server.try_dispatch/4|gen_server.erl|stdlib|1149|0\n"},
	{"Erlang: the shell",
		"** exception error: bad argument\n"
		"     in function  shop:total/2 (shop.erl, line 12)\n"
		"     in call from shop:load/1 (shop.erl, line 5)\n"
		"     in call from lists:map/2 (lists.erl, line 1239)\n",
		"elixir\n"
		"= alone: ** exception error: bad argument\n"
		"A|total/2|shop.erl|shop|12|0\n"
		"A|load/1|shop.erl|shop|5|0\n"
	"-|map/2|lists.erl|lists|1239|0\n"},
	{"Erlang: a report, with several frames to a line",
		"=ERROR REPORT==== 31-Jan-2024::12:34:56.789 ===\n"
		"Error in process <0.85.0> with exit value:\n"
		"{badarg,[{shop,total,2,[{file,\"shop.erl\"},{line,12}]},{shop,load,1,[{file,\"shop.erl\"},{line,5}]},\n"
		"         {proc_lib,init_p_do_apply,3,[{file,\"proc_lib.erl\"},{line,240}]}]}\n",
		"elixir\n"
		"= alone: Error in process <0.85.0> with exit value:\n"
		"A|total|shop.erl|shop|12|0\n"
		"A|load|shop.erl|shop|5|0\n"
	"-|init_p_do_apply|proc_lib.erl|proc_lib|240|0\n"},
	{"Elixir: log text is no frame",
		"12:34:56.789 [info] lib/shop/cart.ex was compiled\n"
		"    (shop) all is well\n"
		"see Shop.Cart.total/2\n",
	"-\n"},
	{"Dart",
		"Unhandled exception:\n"
		"Bad state: no rate\n"
		"#0      Cart.total (package:shop/cart.dart:12:5)\n"
		"#1      Cart.load.<anonymous closure> (package:shop/cart.dart:20:9)\n"
		"<asynchronous suspension>\n"
		"#2      new Cart (file:///app/lib/main.dart:3:1)\n"
		"#3      _startIsolate (dart:isolate-patch/isolate_patch.dart:301:19)\n"
		"#4      StatelessElement.build (package:flutter/src/widgets/framework.dart:5550:49)\n",
		"dart\n"
		"= alone: Unhandled exception:\n"
		"A|Cart.total|package:shop/cart.dart||12|5\n"
		"A|Cart.load.<anonymous closure>|package:shop/cart.dart||20|9\n"
		"A|new Cart|file:///app/lib/main.dart||3|1\n"
		"-|_startIsolate|dart:isolate-patch/isolate_patch.dart||301|19\n"
	"-|StatelessElement.build|package:flutter/src/widgets/framework.dart||5550|49\n"},
	{"Dart: the package stack_trace",
		"package:shop/cart.dart 12:5   Cart.total\n"
		"dart:async                    runZoned\n"
		"===== asynchronous gap ===========================\n"
		"main.dart 3:1                 main.<fn>\n",
		"dart\n"
		"= alone: \n"
		"A|Cart.total|package:shop/cart.dart||12|5\n"
	"A|main.<fn>|main.dart||3|1\n"},
	{"Dart: log text is no frame",
		"flutter: #1 of 3 (package:shop) was loaded\n"
		"package:shop 1.2.0 is out\n",
	"-\n"},
};

int
main(void)
{
	return run_cases(cases, sizeof(cases) / sizeof(cases[0]));
}
