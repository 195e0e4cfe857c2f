#!/bin/bash
#
# sql_list.sh: the Makefile's list of the install script's files is complete,
# and the script can be run in a database of any encoding
#
# usage: test/static/sql_list.sh FILE...      what the Makefile names
#
# A file that is not named would silently be missing from the extension, and
# so would one that is named but does not exist.

set -eu
. "$(dirname "$0")/../lib/common.sh"

cd "$top"
status=0
for file in sql/schema/*.sql sql/code/*.sql; do
  [ -e "$file" ] || continue
  case " $* " in
    *" $file "*) ;;
    *)
      echo "$file is not in the Makefile's list of the install script"
      status=1
      ;;
  esac
done
for file; do
  [ -e "$file" ] || {
    echo "the Makefile names $file, which does not exist"
    status=1
  }
done
LC_ALL=C grep -nE '[^ -~	]|(^|[^\\])\\u(00[89a-fA-F]|0[1-9a-fA-F]|[1-9a-fA-F])' \
  "$@" share/templates/*.sql share/rules/postgresql.json && {
  echo 'these characters cannot be converted to SQL_ASCII'
  status=1
}
exit "$status"
