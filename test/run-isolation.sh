#!/bin/bash
#
# run-isolation.sh: test/isolation/specs/*.spec, by pg_isolation_regress
#
# usage: test/run-isolation.sh       T='test/isolation/specs/patch*' chooses
#
# Each spec's output is compared with test/isolation/expected/NAME.out; of a
# failed run it is kept in build/log/isolation.  Called by
# `make test-isolation`.

set -eu
. "$(dirname "$0")/lib/common.sh"
. "$top/test/lib/choose.sh"

if [ "${1-}" = --inside ]; then
  shift
  use_private
  output=$build/log/isolation
  rm -rf "$output"
  mkdir -p "$output"
  names=()
  for file; do
    names+=("$(basename "$file" .spec)")
  done
  "$PG_PKGLIBDIR/pgxs/src/test/isolation/pg_isolation_regress" \
    --host="$PGHOST" --port="$PGPORT" --user=postgres \
    --bindir="$PG_BINDIR" --inputdir="$top/test/isolation" \
    --outputdir="$output" --dbname=isolation_regression \
    --load-extension=homeostasis "${names[@]}" || {
    cat "$output/regression.diffs" || true
    exit 1
  }
  rm -rf "$output"
else
  choose test/isolation/specs .spec
  exec "$top/test/cluster.sh" run fsync=off -- \
    "$top/test/run-isolation.sh" --inside "${files[@]}"
fi
