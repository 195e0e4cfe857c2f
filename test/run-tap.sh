#!/bin/bash
#
# run-tap.sh: the tests of whole clusters, test/t/*.pl, by prove
#
# usage: test/run-tap.sh       T='test/t/010*' chooses files
#        test/run-tap.sh soak  the soak test, test/soak
#
# The tests use PostgreSQL::Test::Cluster, through test/lib/
# HomeostasisCluster.pm, from the private installation.  They start servers
# themselves, so they run as the server user; where that user cannot read the
# checkout they run from a copy.  Logs of a failed run are kept in
# build/log/tap.  Called by `make test-tap`.

set -eu
. "$(dirname "$0")/lib/common.sh"
. "$top/test/lib/choose.sh"

choose "test/${1-t}" .pl
use_private
forget_pg_environment

work=$(mktemp -d "${TMPDIR:-/tmp}/homeostasis-tap.XXXXXX")

# Ends what an interrupted test left behind, then removes everything.
finish()
{
  trap '' HUP INT TERM
  end_servers "$work"
  for disk in "$work"/disks/*; do
    mountpoint -q "$disk" && umount -l "$disk"
  done
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir "$work/tmp"
checkout=$top
if ! server_user_reads "$top/test/t"; then
  checkout=$work/checkout
  mkdir "$checkout"
  tar -C "$top" -cf - --exclude=./build --exclude=./.git . |
    tar -C "$checkout" -xf - --no-same-owner
  chmod -R u+rwX,go+rX "$checkout"
fi
hand_over "$work"
chmod 755 "$work"

export TESTDIR=$work TESTDATADIR=$work/tmp_check
export TESTLOGDIR=$work/tmp_check/log TMPDIR=$work/tmp
export HOMEOSTASIS_CHECKOUT=$checkout
# Rules that others wrote, for the test that takes them; it may be missing.
export HOMEOSTASIS_RULE_COLLECTION=${HOMEOSTASIS_RULE_COLLECTION-$top/../shared/data/homeostasis-rules}
export PG_REGRESS=$PG_PKGLIBDIR/pgxs/src/test/regress/pg_regress

# small_disk NAME SIZE: a disk that a test can fill, where the caller may mount
small_disk()
{
  mkdir -p "$work/disks/$1"
  mount -t tmpfs -o "size=$2" homeostasis "$work/disks/$1" 2> /dev/null ||
    return 0
  hand_over "$work/disks/$1"
  export HOMEOSTASIS_SMALL_DISKS=$work/disks
}
unset HOMEOSTASIS_SMALL_DISKS
small_disk journal 3m
small_disk data 160m
small_disk dynshmem 1088k

status=0
as_server_user env --chdir="$checkout" prove -j2 \
  -I "$PG_PKGLIBDIR/pgxs/src/test/perl" -I "$checkout/test/lib" \
  ${PROVE_FLAGS-} "${files[@]}" || status=$?

if [ "$status" != 0 ]; then
  rm -rf "$build/log/tap"
  mkdir -p "$build/log"
  cp -r "$work/tmp_check/log" "$build/log/tap" 2> /dev/null &&
    echo "logs of the run are kept in build/log/tap"
fi
exit "$status"
