# common.sh: what the shell scripts of the test machinery share
#
# Sourced, never run.  PostgreSQL refuses to run as root, so a root caller's
# servers run as an unprivileged user, "the server user" below; for everybody
# else that is the caller.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
build=$top/build

# Files made here must be readable for the server user.
umask 022

die()
{
  echo "$(basename "$0"): $*" >&2
  exit 1
}

server_user()
{
  if [ "$(id -u)" != 0 ]; then
    id -un
  elif id -u postgres > /dev/null 2>&1; then
    echo postgres
  else
    echo nobody
  fi
}

# as_server_user COMMAND...: from /, because the server user may be unable to
# enter the current directory
as_server_user()
{
  if [ "$(id -u)" != 0 ]; then
    (cd / && exec "$@")
  else
    local user
    user=$(server_user)
    (cd / && exec setpriv --reuid="$user" --regid="$(id -g "$user")" \
      --clear-groups env HOME=/ USER="$user" LOGNAME="$user" "$@")
  fi
}

# server_user_reads PATH: a clone below /root, for instance, is closed to it
server_user_reads()
{
  as_server_user test -r "$1" && as_server_user test -x "$1"
}

# Give a path to the server user.
hand_over()
{
  if [ "$(id -u)" = 0 ]; then
    chown -R "$(server_user):" "$@"
  fi
}

# The private installation: sets root, PG_BINDIR, PG_PKGLIBDIR, PG_VERSION
# (PostgreSQL's words for its version) and puts its programs first in PATH.
use_private()
{
  [ -e "$build/root/." ] && [ -r "$build/private.env" ] ||
    die "there is no private installation yet: run 'make private'"
  root=$(readlink -f "$build/root")
  . "$build/private.env"
  [ -x "$PG_BINDIR/postgres" ] ||
    die "the private installation is incomplete: run 'make private'"
  PATH=$PG_BINDIR:$PATH
  export PATH
}

# Settings of the caller's own psql must not steer a private one.
forget_pg_environment()
{
  local name
  for name in $(compgen -e | grep '^PG[A-Z]'); do
    unset "$name"
  done
  export PSQLRC=/dev/null
}

# end_servers DIR: those with their data below it, which an interrupted test
# left behind; by force those that do not listen.
end_servers()
{
  local pidfile pid
  find "$1" -name postmaster.pid 2> /dev/null |
    while read -r pidfile; do
      # It may be ending just now.
      pid=$(head -n 1 "$pidfile" 2> /dev/null) || continue
      kill -QUIT "$pid" 2> /dev/null || continue
      timeout 20 tail --pid="$pid" -f /dev/null ||
        kill -KILL "$pid" 2> /dev/null || true
    done
}
