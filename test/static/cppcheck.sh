#!/bin/bash
#
# cppcheck.sh: cppcheck over the server module
#
# usage: test/static/cppcheck.sh FILE...
#
# Results are cached in build/cppcheck.  Across files it takes the address of a
# member array for a read of it, so that check is left out.

set -eu
. "$(dirname "$0")/../lib/common.sh"

[ $# -gt 0 ] || exit 0
mkdir -p "$build/cppcheck"
cd "$top"
exec cppcheck --quiet --std=c11 --language=c -j 2 -I src \
  --library=posix --library=test/static/postgresql.cfg \
  --enable=warning,performance,portability --inline-suppr \
  --suppress=unmatchedSuppression --suppress=ctuuninitvar --error-exitcode=1 \
  --cppcheck-build-dir="$build/cppcheck" "$@"
