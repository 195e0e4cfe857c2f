#!/bin/bash
#
# cppcheck.sh: cppcheck over the server module
#
# usage: test/static/cppcheck.sh FILE...
#
# PostgreSQL's headers are not read; the few of its macros that cppcheck
# cannot make sense of are described here instead.  Results are cached in
# build/cppcheck.

set -eu
. "$(dirname "$0")/../lib/common.sh"

[ $# -gt 0 ] || exit 0
mkdir -p "$build/cppcheck"
cd "$top"
exec cppcheck --quiet --std=c11 --language=c -j 2 \
  --enable=warning,performance,portability --inline-suppr \
  --suppress=unmatchedSuppression \
  --error-exitcode=1 --cppcheck-build-dir="$build/cppcheck" \
  -I src -DPG_VERSION_NUM=150000 \
  -D'PG_MODULE_MAGIC=extern int no_such_variable' \
  -D'PG_FUNCTION_INFO_V1(name)=extern int no_such_variable' \
  -D'PGDLLEXPORT=' \
  -D'PG_FUNCTION_ARGS=FunctionCallInfo fcinfo' \
  -D'PG_TRY()=if (1)' -D'PG_CATCH()=else' -D'PG_FINALLY()=if (1)' \
  -D'PG_END_TRY()=' \
  -D'UINT64_FORMAT="%lu"' -D'INT64_FORMAT="%ld"' \
  -D'pg_attribute_printf(a,b)=' -D'pg_attribute_noreturn()=' \
  -D'pg_attribute_unused()=' -D'PG_USED_FOR_ASSERTS_ONLY=' \
  -D'FLEXIBLE_ARRAY_MEMBER=' \
  "$@"
