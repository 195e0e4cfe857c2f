#!/bin/bash
#
# private.sh: a private copy of the installed PostgreSQL
#
# usage: test/private.sh prepare | remove
#
# PostgreSQL 15 looks for extensions in its own directories only.  A copy of
# them under another root, with the same relative paths, runs from there and
# can be given the module without root and without touching the system's.
# `prepare` makes or refreshes that copy as build/root; `make private` then
# installs the module into it.  Where the server user cannot read the
# checkout, build/root is a link to a directory in /var/tmp; `remove` removes
# that.  Called by the Makefile with PG_CONFIG set.

set -eu
. "$(dirname "$0")/lib/common.sh"

# copy DIR: into the same place below the root; files the system has newer
# replace older ones (unlinked first: a server may be running from them)
copy()
{
  mkdir -p "$root$1"
  cp -RLu --preserve=mode,timestamps --remove-destination "$1/." "$root$1" ||
    echo "private.sh: some files of $1 could not be copied" >&2
}

remove()
{
  local target
  if [ -L "$build/root" ]; then
    target=$(readlink "$build/root")
    case $target in
      /var/tmp/homeostasis-root.*) rm -rf "$target" ;;
    esac
  fi
}

prepare()
{
  local bindir sharedir pkglibdir
  bindir=$("$PG_CONFIG" --bindir)
  sharedir=$("$PG_CONFIG" --sharedir)
  pkglibdir=$("$PG_CONFIG" --pkglibdir)
  [ -x "$bindir/postgres" ] || {
    "$top/test/setup.sh" explain
    exit 1
  }

  mkdir -p "$build"
  exec 9> "$build/.private.lock"
  flock 9

  if [ ! -e "$build/root/." ] ||
    ! server_user_reads "$(readlink -f "$build/root")"; then
    remove
    rm -rf "$build/root"
    if server_user_reads "$build"; then
      mkdir "$build/root"
    else
      ln -s "$(mktemp -d /var/tmp/homeostasis-root.XXXXXX)" "$build/root"
      chmod 755 "$build/root/."
    fi
  fi
  root=$(readlink -f "$build/root")

  copy "$bindir"
  copy "$sharedir"
  case $pkglibdir in
    "$bindir"/* | "$sharedir"/*) ;;
    *) copy "$pkglibdir" ;;
  esac

  "$root$bindir/postgres" --version > /dev/null ||
    die "the copy of PostgreSQL in $root does not run"
  printf '%s=%q\n' \
    PG_BINDIR "$root$bindir" \
    PG_PKGLIBDIR "$root$pkglibdir" \
    PG_VERSION "$("$root$bindir/postgres" --version)" > "$build/private.env"
}

case ${1-} in
  prepare) prepare ;;
  remove) remove ;;
  *) die "usage: test/private.sh prepare | remove" ;;
esac
