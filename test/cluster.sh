#!/bin/bash
#
# cluster.sh: private clusters for demo, tests, benchmarks and trying things
#
# usage: test/cluster.sh run [option...] [key=value...] -- COMMAND...
#        test/cluster.sh start [option...] DIR [key=value...]
#        test/cluster.sh stop DIR        stop the server; start starts it again
#        test/cluster.sh drop DIR        stop it and remove DIR
#        test/cluster.sh psql DIR [argument...]
#        test/cluster.sh env DIR         print the environment for a client
#
# `run` makes a cluster in a temporary directory, runs COMMAND with PGHOST,
# PGPORT, PGUSER, PGDATABASE and PATH set for it, and removes the cluster when
# COMMAND ends or is interrupted; its exit status is COMMAND's.  Each
# key=value is a line of postgresql.conf.  Options:
#
#   --no-extension   preload the library but do not create the extension
#   --bare           neither preload the library nor create the extension
#
# HOMEOSTASIS_SETTINGS='key=value...' in the environment goes before those.
#
# A cluster listens on a Unix socket in its directory only.  It runs the
# private installation of `make private`, as an unprivileged user when the
# caller is root.  DIR/log is the server's log.  A directory is only ever
# removed when this script made it.

set -eu
. "$(dirname "$0")/lib/common.sh"

marker=.homeostasis-cluster

usage()
{
  sed -n '/^# usage:/,/^$/{s/^# \{0,1\}//;p}' "$0" >&2
  exit 2
}

free_port()
{
  local port hex
  while :; do
    port=$((20000 + RANDOM % 40000))
    hex=$(printf ':%04X ' "$port")
    cat /proc/net/tcp /proc/net/tcp6 2> /dev/null | grep -q "$hex" ||
      break
  done
  echo "$port"
}

# A freshly initialised data directory, made once for a version of PostgreSQL
# and a server user, and copied from then on.
initdb_template()
{
  local key made
  key=$(printf '%s %s' "$PG_VERSION" "$(server_user)" | cksum | cut -d' ' -f1)
  template=$build/initdb/$key
  if [ ! -d "$template" ]; then
    made=$(mktemp -d "${TMPDIR:-/tmp}/homeostasis-initdb.XXXXXX")
    hand_over "$made"
    as_server_user "$PG_BINDIR/initdb" --pgdata="$made/data" \
      --username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 \
      --no-sync > "$made/log" 2>&1 || {
      cat "$made/log" >&2
      rm -rf "$made"
      die "initdb failed"
    }
    mkdir -p "$build/initdb"
    cp -a "$made/data" "$template.$$"
    mv -T "$template.$$" "$template" 2> /dev/null || rm -rf "$template.$$"
    rm -rf "$made"
  fi
}

# Sets the environment of a client of the cluster in $dir.
client_environment()
{
  forget_pg_environment
  export PGHOST=$dir PGUSER=postgres PGDATABASE=postgres
  PGPORT=$(cat "$dir/$marker")
  export PGPORT
}

our_cluster()
{
  [ -r "$1/$marker" ] || die "$1 holds no cluster of this script"
  dir=$(readlink -f "$1")
}

# create DIR [key=value...]
create()
{
  local setting value
  mkdir -p "$1"
  dir=$(readlink -f "$1")
  shift
  [ -z "$(ls -A "$dir")" ] || die "$dir is not empty"
  [ ${#dir} -le 85 ] ||
    die "the path of a socket may have 107 bytes: $dir is too long"
  hand_over "$dir"
  server_user_reads "$dir" ||
    die "user $(server_user) cannot reach $dir: choose one below /tmp"

  initdb_template
  cp -a "$template" "$dir/data"
  free_port > "$dir/$marker"
  {
    echo
    echo "listen_addresses = ''"
    echo "unix_socket_directories = '$dir'"
    echo "port = $(cat "$dir/$marker")"
    echo "log_line_prefix = '%m [%p] %q%a %u@%d '"
    if [ "$preload" = 1 ]; then
      echo "shared_preload_libraries = 'homeostasis'"
      echo "homeostasis.database = 'postgres'"
    fi
    for setting in ${HOMEOSTASIS_SETTINGS-} "$@"; do
      value=${setting#*=}
      echo "${setting%%=*} = '${value//\'/\'\'}'"
    done
  } >> "$dir/data/postgresql.conf"
}

start_server()
{
  as_server_user "$PG_BINDIR/pg_ctl" --pgdata="$dir/data" --log="$dir/log" \
    --wait --timeout=120 --silent start > "$dir/pg_ctl.out" 2>&1 8>&- || {
    cat "$dir/pg_ctl.out" >&2
    tail -n 30 "$dir/log" >&2 || true
    return 1
  }
}

create_extension()
{
  if [ "$extension" = 1 ]; then
    (
      client_environment
      "$PG_BINDIR/psql" -qX -v ON_ERROR_STOP=1 \
        -c 'create extension homeostasis'
    )
  fi
}

# stop_server MODE: fast, or immediate where the data is thrown away
stop_server()
{
  local pid
  [ -e "$dir/data/postmaster.pid" ] || return 0
  as_server_user "$PG_BINDIR/pg_ctl" --pgdata="$dir/data" --wait \
    --timeout=60 --silent --mode="$1" stop > /dev/null 2>&1 && return 0
  pid=$(head -n 1 "$dir/data/postmaster.pid" 2> /dev/null || true)
  if [ -n "$pid" ] && kill -0 "$pid" 2> /dev/null; then
    echo "cluster.sh: the server in $dir did not stop, ending it" >&2
    kill -QUIT "$pid"
  fi
}

drop()
{
  stop_server immediate
  rm -rf "$dir"
}

# Options come before anything else; leaves the rest in rest.
preload=1
extension=1
options()
{
  while [ $# -gt 0 ]; do
    case $1 in
      --no-extension) extension=0 ;;
      --bare) preload=0 extension=0 ;;
      *) break ;;
    esac
    shift
  done
  rest=("$@")
}

start()
{
  options "$@"
  set -- ${rest[@]+"${rest[@]}"}
  [ $# -ge 1 ] || usage
  if [ -r "$1/$marker" ]; then
    [ $# = 1 ] || die "$1 exists already: its settings are in $1/data"
    our_cluster "$1"
    start_server
  else
    create "$@"
    start_server && create_extension || {
      drop
      exit 1
    }
  fi
  echo "running in $dir; connect with: test/cluster.sh psql $dir"
}

# guard: should this script be killed without a chance to clean up, a process
# that sees its end of a pipe close drops the cluster.  Whatever may outlive
# the script must not hold descriptor 8 open.
guard()
{
  exec 8> >(exec setsid sh -c 'cat; [ ! -d "$2" ] || exec "$1" drop "$2"' \
    guard "$top/test/cluster.sh" "$dir" > /dev/null 2>&1)
}

run()
{
  local settings=() status=0
  options "$@"
  set -- ${rest[@]+"${rest[@]}"}
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    case $1 in
      *=*) settings+=("$1") ;;
      *) usage ;;
    esac
    shift
  done
  [ $# -ge 2 ] || usage
  shift

  dir=$(mktemp -d "${TMPDIR:-/tmp}/homeostasis.XXXXXX")
  child=
  trap 'end_child HUP; exit 129' HUP
  trap 'end_child INT; exit 130' INT
  trap 'end_child TERM; exit 143' TERM
  trap 'trap "" HUP INT TERM; drop' EXIT
  guard
  create "$dir" ${settings[@]+"${settings[@]}"}
  start_server
  create_extension

  # Bash answers a signal only after its foreground child has ended, so the
  # command runs in the background, with this script's standard input and
  # with SIGINT as it was.
  exec 3<&0
  (
    trap - INT QUIT
    client_environment
    exec "$@"
  ) <&3 3<&- 8>&- &
  child=$!
  exec 3<&-
  wait "$child" || status=$?
  child=
  exit "$status"
}

# end_child SIGNAL: pass it on and wait until the command has ended
end_child()
{
  if [ -n "$child" ]; then
    kill -"$1" "$child" 2> /dev/null || true
    wait "$child" 2> /dev/null || true
  fi
}

command=${1-}
[ $# -gt 0 ] && shift
case $command in
  run | start | stop | drop | psql | env) ;;
  *) usage ;;
esac
use_private
case $command in
  run) run "$@" ;;
  start) start "$@" ;;
  stop)
    [ $# = 1 ] || usage
    our_cluster "$1"
    stop_server fast
    ;;
  drop)
    [ $# = 1 ] || usage
    our_cluster "$1"
    drop
    ;;
  psql)
    [ $# -ge 1 ] || usage
    our_cluster "$1"
    shift
    client_environment
    exec psql "$@"
    ;;
  env)
    [ $# = 1 ] || usage
    our_cluster "$1"
    client_environment
    for name in PGHOST PGPORT PGUSER PGDATABASE PATH; do
      printf 'export %s=%q\n' "$name" "${!name}"
    done
    ;;
esac
