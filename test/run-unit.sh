#!/bin/bash
#
# run-unit.sh: the programs built from test/unit/*.c, by prove
#
# usage: test/run-unit.sh       T='test/unit/hash*' chooses
#
# Each prints TAP.  Called by `make test-unit`, which builds them.

set -eu
. "$(dirname "$0")/lib/common.sh"
. "$top/test/lib/choose.sh"

choose test/unit .c
programs=()
for file in "${files[@]}"; do
  programs+=("build/unit/$(basename "$file" .c)")
done
exec prove ${PROVE_FLAGS-} --exec '' "${programs[@]}"
