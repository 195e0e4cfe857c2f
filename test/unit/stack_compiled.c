/*
 * stack_compiled.c
 *		Tests of the frames and errors found in stacks of Go, Rust, C and Swift.
 */
#include "stack_cases.h"

static const Case cases[] = {
	{"Go: a panic, its goroutine, and who created it",
		"panic: runtime error: index out of range [5] with length 3 [recovered]\n"
		"\tpanic: again\n"
		"\n"
		"goroutine 7 [running]:\n"
		"main.(*Cart).total(0xc000012345, {0x1, 0x2})\n"
		"\t/app/cart.go:12 +0x1d\n"
		"main.Map[...](...)\n"
		"\t/app/generic.go:5\n"
		"main.main.func1.2()\n"
		"\t/app/main.go:20 +0x25\n"
		"panic({0x1234?, 0x5678?})\n"
		"\t/usr/local/go/src/runtime/panic.go:770 +0x132\n"
		"net/http.(*conn).serve(0xc0001)\n"
		"\t/usr/local/go/src/net/http/server.go:2009 +0x5f4\n"
		"github.com/lib/pq.(*conn).exec(...)\n"
		"\t/home/joe/go/pkg/mod/github.com/lib/pq@v1.10.9/conn.go:1\n"
		"created by main.main in goroutine 1\n"
		"\t/home/joe/go/src/github.com/me/app/main.go:8 +0x25\n"
		"\n"
		"goroutine 1 [chan receive, 2 minutes]:\n"
		"main.wait()\n"
		"\t/app/main.go:30 +0x12\n"
		"exit status 2\n",
		"go\n"
		"= alone: panic: runtime error: index out of range [5] with length 3 [recovered]\n"
		"A|main.(*Cart).total|/app/cart.go||12|0\n"
		"A|main.Map[...]|/app/generic.go||5|0\n"
		"A|main.main.func1.2|/app/main.go||20|0\n"
		"-|panic|/usr/local/go/src/runtime/panic.go||770|0\n"
		"-|net/http.(*conn).serve|/usr/local/go/src/net/http/server.go||2009|0\n"
		"-|github.com/lib/pq.(*conn).exec|/home/joe/go/pkg/mod/github.com/lib/pq@v1.10.9/conn.go||1|0\n"
		"A|main.main|/home/joe/go/src/github.com/me/app/main.go||8|0\n"
		"= aside: goroutine 1 [chan receive, 2 minutes]:\n"
	"A|main.wait|/app/main.go||30|0\n"},
	{"Go: a fatal error",
		"fatal error: all goroutines are asleep - deadlock!\n"
		"\n"
		"goroutine 1 [chan receive]:\n"
		"main.main()\n"
		"\t/app/main.go:6 +0x2d\n"
		"\n"
		"goroutine 18 [select]:\n"
		"main.loop()\n"
		"\t/app/main.go:40 +0x3f\n",
		"go\n"
		"= alone: fatal error: all goroutines are asleep - deadlock!\n"
		"A|main.main|/app/main.go||6|0\n"
		"= aside: goroutine 18 [select]:\n"
	"A|main.loop|/app/main.go||40|0\n"},
	{"Go: errors that keep a stack without arguments",
		"open x: no such file\n"
		"main.read\n"
		"\t/app/main.go:12\n"
		"main.main\n"
		"\t/app/main.go:20\n"
		"runtime.main\n"
		"\t/usr/lib/go-1.21/src/runtime/proc.go:250\n"
		"runtime.goexit\n"
		"\t/usr/lib/go-1.21/src/runtime/asm_amd64.s:1594\n",
		"go\n"
		"= alone: \n"
		"A|main.read|/app/main.go||12|0\n"
		"A|main.main|/app/main.go||20|0\n"
		"-|runtime.main|/usr/lib/go-1.21/src/runtime/proc.go||250|0\n"
	"-|runtime.goexit|/usr/lib/go-1.21/src/runtime/asm_amd64.s||1594|0\n"},
	{"Go: log text is no frame",
		"2024/01/31 12:34:56 main.go:12: listening on :8080\n"
		"2024/01/31 12:34:56 goroutine 7 [running] was seen\n"
		"created by main.main\n",
	"-\n"},
	{"Rust: a panic alone",
		"thread 'main' panicked at src/main.rs:2:5:\n"
		"index out of bounds: the len is 1 but the index is 5\n"
		"note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
		"rust\n"
		"= alone: thread 'main' panicked at src/main.rs:2:5:\n"
	"A||src/main.rs||2|5\n"},
	{"Rust: before 1.73",
		"thread 'worker' panicked at 'called `Result::unwrap()` on an `Err` value: \"x\"', src/main.rs:4:10\n",
		"rust\n"
		"= alone: thread 'worker' panicked at 'called `Result::unwrap()` on an `Err` value: \"x\"', src/main.rs:4:10\n"
	"A||src/main.rs||4|10\n"},
	{"Rust: a backtrace, in which the panic's place is a frame",
		"thread 'main' (28190) panicked at a.rs:1:36:\n"
		"index out of bounds: the len is 1 but the index is 5\n"
		"stack backtrace:\n"
		"   0: __rustc::rust_begin_unwind\n"
		"             at /rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std/src/panicking.rs:689:5\n"
		"   1: core::panicking::panic_fmt\n"
		"             at /rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/core/src/panicking.rs:80:14\n"
		"   2: <usize as core::slice::index::SliceIndex<[T]>>::index\n"
		"   3: a::f\n"
		"             at ./a.rs:1:36\n"
		"   4: <a::Cart as a::Total>::total\n"
		"             at ./a.rs:7:3\n"
		"   5: serde_json::de::from_str\n"
		"             at /home/joe/.cargo/registry/src/index.crates.io-6f17d22bba15001f/serde_json-1.0.1/src/de.rs:2:1\n"
		"   6: main\n"
		"   7: __libc_start_main\n"
		"note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.\n",
		"rust\n"
		"= alone: thread 'main' (28190) panicked at a.rs:1:36:\n"
		"-|__rustc::rust_begin_unwind|/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std/src/panicking.rs||689|5\n"
		"-|core::panicking::panic_fmt|/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/core/src/panicking.rs||80|14\n"
		"-|<usize as core::slice::index::SliceIndex<[T]>>::index|||0|0\n"
		"A|a::f|./a.rs||1|36\n"
		"A|<a::Cart as a::Total>::total|./a.rs||7|3\n"
		"-|serde_json::de::from_str|/home/joe/.cargo/registry/src/index.crates.io-6f17d22bba15001f/serde_json-1.0.1/src/de.rs||2|1\n"
		"-|main|||0|0\n"
	"-|__libc_start_main|||0|0\n"},
	{"Rust: a full backtrace",
		"thread '<unnamed>' (28207) panicked at a.rs:2:44:\n"
		"in thread\n"
		"stack backtrace:\n"
		"   0:     0x55c74b9ac77a - std[e28293b1aa0f68bd]::backtrace_rs::backtrace::libunwind::trace\n"
		"                               at /rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std/src/../../backtrace/src/backtrace/libunwind.rs:117:9\n"
		"   5:     0x55c74b9bd62a - core[c1f1a4ba060b9bfa]::fmt::write\n"
		"  15:     0x55c74b97c35a - a::main::{{closure}}::h090c9ec1e66c54a7\n"
		"                               at /src/a.rs:2:44\n"
		"  28:     0x7f1fc6aa6134 - start_thread\n"
		"                               at ./nptl/pthread_create.c:442:8\n"
		"  30:                0x0 - <unknown>\n",
		"rust\n"
		"= alone: thread '<unnamed>' (28207) panicked at a.rs:2:44:\n"
		"-|std[e28293b1aa0f68bd]::backtrace_rs::backtrace::libunwind::trace|/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std/src/../../backtrace/src/backtrace/libunwind.rs||117|9\n"
		"-|core[c1f1a4ba060b9bfa]::fmt::write|||0|0\n"
		"A|a::main::{{closure}}|/src/a.rs||2|44\n"
		"-|start_thread|./nptl/pthread_create.c||442|8\n"
	"-|<unknown>|||0|0\n"},
	{"Rust: anyhow",
		"Error: Failed to read cart\n"
		"\n"
		"Caused by:\n"
		"    0: no such thing\n"
		"    1: No such file or directory (os error 2)\n"
		"\n"
		"Stack backtrace:\n"
		"   0: anyhow::error::<impl core::convert::From<E> for anyhow::Error>::from\n"
		"             at /home/joe/.cargo/registry/src/anyhow-1.0.75/src/error.rs:565:25\n"
		"   1: shop::read\n"
		"             at ./src/main.rs:5:5\n",
		"rust\n"
		"= alone: Error: Failed to read cart\n"
		"-|anyhow::error::<impl core::convert::From<E> for anyhow::Error>::from|/home/joe/.cargo/registry/src/anyhow-1.0.75/src/error.rs||565|25\n"
	"A|shop::read|./src/main.rs||5|5\n"},
	{"Rust: log text is no frame",
		"[2024-01-31T12:34:56Z INFO  shop::cart] thread 'main' has panicked at noon\n"
		"   0: nothing\n"
		"1: one thing, 2: another\n",
	"-\n"},
	{"gdb",
		"Program terminated with signal SIGABRT, Aborted.\n"
		"#0  0x00007ffff7a42428 in raise () from /lib/x86_64-linux-gnu/libc.so.6\n"
		"#1  0x00007ffff7a4402a in __GI_abort () at ./stdlib/abort.c:79\n"
		"#2  <signal handler called>\n"
		"#3  0x00005555555551b8 in shop::Cart::total (this=0x0, name=\"a (b)\", v=std::vector of length 2) at src/cart.cpp:12\n"
		"#4  shop::Less::operator() (a=1, b=2) at src/less.h:5\n"
		"#5  0x00005555555551d8 in main (argc=1, argv=0x7fffffffe798) at src/main.cpp:30\n"
		"(More stack frames follow...)\n",
		"c\n"
		"= alone: Program terminated with signal SIGABRT, Aborted.\n"
		"-|raise||/lib/x86_64-linux-gnu/libc.so.6|0|0\n"
		"-|__GI_abort|./stdlib/abort.c||79|0\n"
		"-|<signal handler called>|||0|0\n"
		"A|shop::Cart::total|src/cart.cpp||12|0\n"
		"A|shop::Less::operator()|src/less.h||5|0\n"
	"A|main|src/main.cpp||30|0\n"},
	{"gdb: several threads",
		"Thread 2 (Thread 0x7ffff6ff5700 (LWP 124)):\n"
		"#0  0x00007ffff7bc8d2f in pthread_cond_wait () from /lib/x86_64-linux-gnu/libpthread.so.0\n"
		"#1  0x0000555555555190 in work (arg=0x0) at pool.c:9\n"
		"\n"
		"Thread 1 (Thread 0x7ffff7fc1740 (LWP 123)):\n"
		"#0  g (p=0x5555555592a0 \"YUUU\\005\") at a.c:3\n"
		"#1  0x00005555555551b8 in f (n=1) at a.c:4\n",
		"c\n"
		"= alone: Thread 1 (Thread 0x7ffff7fc1740 (LWP 123)):\n"
		"A|g|a.c||3|0\n"
		"A|f|a.c||4|0\n"
		"= aside: Thread 2 (Thread 0x7ffff6ff5700 (LWP 124)):\n"
		"-|pthread_cond_wait||/lib/x86_64-linux-gnu/libpthread.so.0|0|0\n"
	"A|work|pool.c||9|0\n"},
	{"lldb",
		"* thread #1, queue = 'com.apple.main-thread', stop reason = EXC_BAD_ACCESS (code=1, address=0x0)\n"
		"  * frame #0: 0x0000000100003f2c shop`total(cart=0x0) at cart.c:12:5\n"
		"    frame #1: 0x0000000100003f58 shop`main + 24 at main.c:9:3 [opt]\n"
		"    frame #2: 0x000000018a4f10e0 dyld`start + 2360\n",
		"c\n"
		"= alone: \n"
		"A|total|cart.c|shop|12|5\n"
		"A|main|main.c|shop|9|3\n"
	"-|start||dyld|0|0\n"},
	{"backtrace_symbols(), of old and new C libraries",
		"./shop(total+0x1f) [0x55b38f17e188]\n"
		"./shop(_ZN4Cart5totalEv+0x12)[0x55b38f17e1a0]\n"
		"./shop(+0x11f4)[0x5644bb0141f4]\n"
		"./shop() [0x4005d6]\n"
		"/lib/x86_64-linux-gnu/libc.so.6(__libc_start_main+0x85)[0x7f92973d7305]\n"
		"postgres: joe shop [local] SELECT(errfinish+0x1f) [0x55b38f17e188]\n",
		"c\n"
		"= alone: \n"
		"A|total||./shop|0|0\n"
		"A|_ZN4Cart5totalEv||./shop|0|0\n"
		"A|||./shop|0|0\n"
		"A|||./shop|0|0\n"
		"-|__libc_start_main||/lib/x86_64-linux-gnu/libc.so.6|0|0\n"
	"A|errfinish||postgres: joe shop [local] SELECT|0|0\n"},
	{"AddressSanitizer: where the memory came from is aside",
		"=================================================================\n"
		"==28423==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000013 at pc 0x5576 bp 0x7ffe sp 0x7ffe\n"
		"READ of size 1 at 0x602000000013 thread T0\n"
		"    #0 0x557637f6d1d0 in g /src/a.c:3:25\n"
		"    #1 0x557637f6d21f in std::vector<int, std::allocator<int> >::at(unsigned long) /usr/include/c++/12/bits/stl_vector.h:1160\n"
		"    #2 0x557637f6d23f in shop::f(int, char const*) /src/my app/a.cc:5\n"
		"    #3 0x7f7cd8645304 in __libc_start_main_impl ../csu/libc-start.c:360\n"
		"    #4 0x557637f6d0c0 in _start (/src/a_asan+0x10c0) (BuildId: 8d2f)\n"
		"    #5 0x557637f6d0c0  (/src/a_asan+0x10c0)\n"
		"\n"
		"0x602000000013 is located 3 bytes inside of 4-byte region [0x602000000010,0x602000000014)\n"
		"freed by thread T0 here:\n"
		"    #0 0x7f7cd88b76a8 in __interceptor_free ../../../../src/libsanitizer/asan/asan_malloc_linux.cpp:52\n"
		"    #1 0x557637f6d213 in f /src/a.c:4\n"
		"\n"
		"previously allocated by thread T0 here:\n"
		"    #0 0x7f7cd88b89cf in malloc (/usr/lib/libasan.so.8+0xb89cf)\n"
		"    #1 0x557637f6d1ed in f /src/a.c:4\n"
		"\n"
		"SUMMARY: AddressSanitizer: heap-use-after-free /src/a.c:3 in g\n"
		"Shadow bytes around the buggy address:\n"
		"  0x0c047fff7fb0: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n",
		"c\n"
		"= alone: ==28423==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000013 at pc 0x5576 bp 0x7ffe sp 0x7ffe\n"
		"A|g|/src/a.c||3|25\n"
		"-|std::vector<int, std::allocator<int> >::at|/usr/include/c++/12/bits/stl_vector.h||1160|0\n"
		"A|shop::f|/src/my app/a.cc||5|0\n"
		"-|__libc_start_main_impl|../csu/libc-start.c||360|0\n"
		"-|_start||/src/a_asan|0|0\n"
		"A|||/src/a_asan|0|0\n"
		"= aside: freed by thread T0 here:\n"
		"-|__interceptor_free|../../../../src/libsanitizer/asan/asan_malloc_linux.cpp||52|0\n"
		"A|f|/src/a.c||4|0\n"
		"= aside: previously allocated by thread T0 here:\n"
		"-|malloc||/usr/lib/libasan.so.8|0|0\n"
	"A|f|/src/a.c||4|0\n"},
	{"LeakSanitizer",
		"==28253==ERROR: LeakSanitizer: detected memory leaks\n"
		"\n"
		"Direct leak of 4097 byte(s) in 1 object(s) allocated from:\n"
		"    #0 0x7fb8660b89cf in __interceptor_malloc ../../../../src/libsanitizer/asan/asan_malloc_linux.cpp:69\n"
		"    #1 0x55e32a6d76c4 in main /src/show.c:8\n"
		"\n"
		"Indirect leak of 206 byte(s) in 1 object(s) allocated from:\n"
		"    #0 0x55e32a6d7490 in grow /src/show.c:7\n",
		"c\n"
		"= alone: ==28253==ERROR: LeakSanitizer: detected memory leaks\n"
		"-|__interceptor_malloc|../../../../src/libsanitizer/asan/asan_malloc_linux.cpp||69|0\n"
		"A|main|/src/show.c||8|0\n"
		"= aside: Indirect leak of 206 byte(s) in 1 object(s) allocated from:\n"
	"A|grow|/src/show.c||7|0\n"},
	{"UndefinedBehaviorSanitizer, without a stack and with one",
		"b.c:5:113: runtime error: signed integer overflow: 2147483647 + 1 cannot be represented in type 'int'\n"
		"b.c:9:1: runtime error: shift exponent 33 is too large for 32-bit type 'int'\n"
		"    #0 0x555d563a229d in main /src/b.c:9\n",
		"c\n"
		"= alone: b.c:5:113: runtime error: signed integer overflow: 2147483647 + 1 cannot be represented in type 'int'\n"
		"A||b.c||5|113\n"
		"= alone: b.c:9:1: runtime error: shift exponent 33 is too large for 32-bit type 'int'\n"
	"A|main|/src/b.c||9|0\n"},
	{"ThreadSanitizer: the other thread is aside",
		"==================\n"
		"WARNING: ThreadSanitizer: data race (pid=28642)\n"
		"  Read of size 4 at 0x5644bb017064 by main thread:\n"
		"    #0 main /src/b.c:5 (b_t+0x12c4)\n"
		"\n"
		"  Previous write of size 4 at 0x5644bb017064 by thread T1:\n"
		"    #0 t /src/b.c:4:3 (b_t+0x1257)\n"
		"    #1 <null> <null> (b_t+0x99)\n"
		"\n"
		"  Location is global 'x' of size 4 at 0x5644bb017064 (b_t+0x4064)\n"
		"\n"
		"  Thread T1 (tid=28644, finished) created by main thread at:\n"
		"    #0 pthread_create ../../../../src/libsanitizer/tsan/tsan_interceptors_posix.cpp:1001 (libtsan.so.2+0x5e686)\n"
		"\n"
		"SUMMARY: ThreadSanitizer: data race /src/b.c:5 in main\n",
		"c\n"
		"= alone: WARNING: ThreadSanitizer: data race (pid=28642)\n"
		"A|main|/src/b.c||5|0\n"
		"= aside: Previous write of size 4 at 0x5644bb017064 by thread T1:\n"
		"A|t|/src/b.c||4|3\n"
		"-|<null>||b_t|0|0\n"
		"= aside: Thread T1 (tid=28644, finished) created by main thread at:\n"
	"-|pthread_create|../../../../src/libsanitizer/tsan/tsan_interceptors_posix.cpp||1001|0\n"},
	{"Valgrind: two errors",
		"==28436== Memcheck, a memory error detector\n"
		"==28436== Command: ./a_c\n"
		"==28436== \n"
		"==28436== Invalid read of size 1\n"
		"==28436==    at 0x109169: g (a.c:3)\n"
		"==28436==    by 0x1091D7: Cart::total(int, char const*) (a.cc:5)\n"
		"==28436==  Address 0x4a42043 is 3 bytes inside a block of size 4 free'd\n"
		"==28436==    at 0x484417B: free (in /usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so)\n"
		"==28436==    by 0x1091AB: f (a.c:4)\n"
		"==28436==  Block was alloc'd at\n"
		"==28436==    at 0x48417B4: malloc (in /usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so)\n"
		"==28436== \n"
		"==28436== Conditional jump or move depends on uninitialised value(s)\n"
		"==28436==    at 0x48E1C3B: ?\?? (in /lib/x86_64-linux-gnu/libc.so.6)\n"
		"==28436==    by 0x10915E: main (a.c:9)\n"
		"==28436== \n"
		"==28436== HEAP SUMMARY:\n"
		"==28436==     in use at exit: 0 bytes in 0 blocks\n",
		"c\n"
		"= alone: ==28436== Invalid read of size 1\n"
		"A|g|a.c||3|0\n"
		"A|Cart::total|a.cc||5|0\n"
		"= alone: ==28436== Conditional jump or move depends on uninitialised value(s)\n"
		"-|?\??||/lib/x86_64-linux-gnu/libc.so.6|0|0\n"
		"A|main|a.c||9|0\n"
		"= aside: ==28436==  Address 0x4a42043 is 3 bytes inside a block of size 4 free'd\n"
		"-|free||/usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so|0|0\n"
		"A|f|a.c||4|0\n"
		"= aside: ==28436==  Block was alloc'd at\n"
	"-|malloc||/usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so|0|0\n"},
	{"C: log text is no frame",
		"#12 was closed (see #13) in main\n"
		"cart.c:12:5: warning: unused variable 'x' [-Wunused-variable]\n"
		"=> 0x10919E: f was called [0x55]\n"
		"==28436== done\n",
	"-\n"},
	{"Swift: a fatal error alone, of new and old versions",
		"Shop/Cart.swift:12: Fatal error: Index out of range\n",
		"swift\n"
		"= alone: Shop/Cart.swift:12: Fatal error: Index out of range\n"
	"A||Shop/Cart.swift||12|0\n"},
	{"Swift: before 5.4",
		"Fatal error: Unexpectedly found nil while unwrapping an Optional value: file Shop/Cart.swift, line 12\n",
		"swift\n"
		"= alone: Fatal error: Unexpectedly found nil while unwrapping an Optional value: file Shop/Cart.swift, line 12\n"
	"A||Shop/Cart.swift||12|0\n"},
	{"Swift: the runtime's backtrace",
		"Swift/ContiguousArrayBuffer.swift:600: Fatal error: Index out of range\n"
		"\n"
		"*** Program crashed: Illegal instruction at 0x00000001900d8d3c ***\n"
		"\n"
		"Thread 0 \"shop\" crashed:\n"
		"\n"
		"0               0x00000001900d8d3c _assertionFailure(_:_:file:line:flags:) + 248 in libswiftCore.so\n"
		"1 [ra]          0x0000000100003e0c Cart.total(of:) + 12 in shop at /app/Sources/Cart.swift:12:15\n"
		"2 [inlined]     0x0000000100003d00 f() in shop at /app/Sources/main.swift:3:1\n"
		"3 [ra] [system] 0x0000000100002f00 main + 20 in shop at /app/Sources/main.swift:9:1\n"
		"\n"
		"     7 | func total(of: Int) {\n"
		"\n"
		"Thread 1:\n"
		"\n"
		"0 [ra] 0x00007f3a5d1c wait() + 4 in libc.so.6\n",
		"swift\n"
		"= alone: Swift/ContiguousArrayBuffer.swift:600: Fatal error: Index out of range\n"
		"-|_assertionFailure(_:_:file:line:flags:)||libswiftCore.so|0|0\n"
		"A|Cart.total(of:)|/app/Sources/Cart.swift||12|15\n"
		"A|f()|/app/Sources/main.swift||3|1\n"
		"A|main|/app/Sources/main.swift||9|1\n"
		"= aside: Thread 1:\n"
	"-|wait()||libc.so.6|0|0\n"},
	{"Swift: Apple's report of a crash",
		"Thread 0 Crashed:\n"
		"0   libswiftCore.dylib            \t0x000000018f3e5b4c _assertionFailure(_:_:file:line:flags:) + 312\n"
		"1   Shop                          \t0x0000000104a2c1d0 CartView.total.getter + 96 (CartView.swift:41)\n"
		"2   UIKitCore                     \t0x000000018bd5a7e8 -[UIView layoutSubviews] + 100\n",
		"swift\n"
		"= alone: \n"
		"-|_assertionFailure(_:_:file:line:flags:)||libswiftCore.dylib|0|0\n"
		"A|CartView.total.getter|CartView.swift|Shop|41|0\n"
	"-|-[UIView layoutSubviews]||UIKitCore|0|0\n"},
	{"Swift: log text is no frame",
		"0 items in cart at /app\n"
		"Cart.swift:12 is where it happens\n"
		"1 of 3 0x12 in all\n",
	"-\n"},
};

int
main(void)
{
	return run_cases(cases, sizeof(cases) / sizeof(cases[0]));
}
