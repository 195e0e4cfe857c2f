#!/bin/bash
#
# setup.sh: install the Debian packages that are missing
#
# usage: test/setup.sh [run | test | sanitize | sqlsmith]
#                                     for building and running, for `make test`
#                                     as well (the default), or for the target
#                                     of that name besides
#        test/setup.sh explain        say what is missing for a build
#
# Needs root or sudo only when something is missing.  The server's package
# would create and start a cluster "main" on its first installation; that is
# prevented, and existing clusters are left alone.  PG_CONFIG may name the
# pg_config of another version than Debian's own.

set -eu
. "$(dirname "$0")/lib/common.sh"

# The major version whose packages are meant: that of PG_CONFIG when it is
# one of Debian's, that of the release of Debian when there is none, nothing
# for other installations.
major_version()
{
  local bindir
  if ! bindir=$("${PG_CONFIG:-pg_config}" --bindir 2> /dev/null); then
    case $(. /etc/os-release && echo "${VERSION_ID:-}") in
      13) echo 17 ;;
      *) echo 15 ;;
    esac
  else
    case $bindir in
      /usr/lib/postgresql/*/bin)
        bindir=${bindir%/bin}
        echo "${bindir##*/}"
        ;;
    esac
  fi
}

# The packages of one purpose, one a line.
packages()
{
  local major
  major=$(major_version)
  printf '%s\n' gcc make libc6-dev pkg-config perl libpcre2-dev \
    libvectorscan-dev zlib1g-dev liblz4-dev libzstd-dev libcurl4-openssl-dev \
    libpq-dev
  if [ -n "$major" ]; then
    printf '%s\n' "postgresql-$major" "postgresql-server-dev-$major" \
      "postgresql-$major-cron" "postgresql-$major-hypopg"
  fi
  if [ "$1" != run ]; then
    printf '%s\n' libipc-run-perl libtap-parser-sourcehandler-pgtap-perl \
      cppcheck binutils faketime pgbouncer
    # Later Debians have a newer one, which comes with PostgreSQL's headers and
    # lays code out differently.
    ! grep -qs '^VERSION_ID="12"' /etc/os-release || echo pg-bsd-indent
    [ -z "$major" ] ||
      printf '%s\n' "postgresql-$major-pgtap" "postgresql-plpython3-$major"
  fi
  case $1 in
    # What PostgreSQL itself is built with.
    sanitize)
      printf '%s\n' bison flex libssl-dev uuid-dev valgrind
      ;;
    sqlsmith) echo sqlsmith ;;
  esac
}

# Those of the packages that are not installed, on one line.
missing()
{
  local wanted installed
  wanted=$(packages "$1")
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $wanted \
    2> /dev/null | sed -n 's/ installed$//p')
  echo $(printf '%s\n' "$wanted" | grep -vxF -e "$installed")
}

explain()
{
  local list
  list=$(missing run)
  {
    if ! command -v "${PG_CONFIG:-pg_config}" > /dev/null; then
      echo "${PG_CONFIG:-pg_config}: not found, so PostgreSQL's headers" \
        "are missing."
    else
      echo "$PG_CONFIG is there, but PostgreSQL's headers or programs" \
        "that belong to it are not."
    fi
    [ -z "$list" ] || echo "Missing packages: $list"
    echo "'make setup' installs what is missing."
  } >&2
}

# as_root COMMAND...
as_root()
{
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

# While this file is there, installing a server's package creates no cluster.
configuration=/etc/postgresql-common/createcluster.d
no_cluster=$configuration/homeostasis-setup-$$.conf

forbid_cluster()
{
  made=
  [ -d "$configuration" ] || made=1
  trap allow_cluster EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  as_root mkdir -p "$configuration"
  echo 'create_main_cluster = false' | as_root tee "$no_cluster" > /dev/null
}

allow_cluster()
{
  trap - EXIT
  as_root rm -f "$no_cluster"
  [ -z "$made" ] ||
    as_root rmdir --ignore-fail-on-non-empty "$configuration"
}

install_packages()
{
  # apt-get is given no input: it may not ask.
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y
    -o DPkg::Lock::Timeout=300)

  echo "setup.sh: installing $*"
  if [ "$(id -u)" != 0 ] && ! { command -v sudo > /dev/null && sudo -v; }; then
    echo "setup.sh: neither root nor sudo: ask an administrator to run" >&2
    die "apt-get install $*"
  fi

  as_root "${apt[@]}" update < /dev/null ||
    echo "setup.sh: the lists of packages could not be refreshed" >&2
  forbid_cluster
  as_root "${apt[@]}" install --no-install-recommends --no-upgrade "$@" \
    < /dev/null || die "apt-get could not install $*"
  allow_cluster
}

purpose=${1-test}
command -v dpkg-query > /dev/null ||
  die "this is not Debian: install what $top/test/setup.sh lists by hand"
case $purpose in
  run | test | sanitize | sqlsmith)
    list=$(missing "$purpose")
    [ -z "$list" ] || install_packages $list
    ;;
  explain) explain ;;
  *) die "usage: test/setup.sh [run | test | sanitize | sqlsmith | explain]" ;;
esac
