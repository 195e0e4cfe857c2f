#!/bin/bash
#
# sql_list.sh: the Makefile's list of the install script's files is complete
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
exit "$status"
