#!/bin/bash
#
# agent_alone.sh: the companion program must build where no server is
#
# usage: test/static/agent_alone.sh 'COMPILER FLAGS' FILE...
#
# No source of the agent may reach a header of the server's, directly or
# through others, nor one of a room of the module's: they share src/wire only.

set -eu
. "$(dirname "$0")/../lib/common.sh"

[ $# -gt 1 ] || die "usage: test/static/agent_alone.sh 'COMPILER FLAGS' FILE..."
compile=$1
shift
cd "$top"

if grep -E '/server( |$)|/internal( |$)' <<< "$compile"; then
  die "the agent is compiled with directories of the server's headers"
fi
reached=$($compile -M "$@" | tr -s ' \\' '\n' | sort -u)
[ -n "$reached" ] || die "the compiler names no headers"
if grep -E '(^|/)(postgres|postgres_fe|c|fmgr|pg_config_manual)\.h$|/server/|/internal/' \
  <<< "$reached"; then
  die "the agent reaches the server's headers above"
fi
if grep '^src/' <<< "$reached" | grep -vE '^src/(agent|wire)/'; then
  die "the agent reaches the module's files above"
fi
