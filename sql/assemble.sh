#!/bin/sh
#
# assemble.sh: print the install script of the extension
#
# usage: sql/assemble.sh EXTENSION FILE...
#
# The files are printed in the order given: SQL as it is, a patch template
# (share/templates/*.sql) and a rule pack (share/rules/*.json) as the call that
# loads it.  Called by the Makefile, which knows the order.

set -eu

# quoted FILE TAG: the file's text between dollar quotes
quoted()
{
  if grep -qF "\$$2\$" "$1"; then
    echo "$1 may not contain \$$2\$: the install script quotes it with that" >&2
    exit 1
  fi
  printf '$%s$' "$2"
  cat "$1"
  printf '$%s$' "$2"
}

extension=$1
shift

printf '%s\n' \
  "\\echo Use \"create extension $extension\" to load this file. \\quit"

for file; do
  # The script must run in a database of any encoding.
  if LC_ALL=C grep -n '[^ -~[:space:]]' "$file" >&2; then
    echo "$file may hold ASCII only" >&2
    exit 1
  fi
  printf '\n-- %s\n\n' "$file"
  case $file in
    share/templates/*.sql)
      printf "select homeostasis.load_template('%s', " \
        "$(basename "$file" .sql)"
      quoted "$file" template
      printf ', shipped => true);\n'
      ;;
    share/rules/*.json)
      printf 'select count(*) from homeostasis.replace_pack('
      quoted "$file" pack
      printf '::jsonb, shipped => true);\n'
      ;;
    *)
      cat "$file"
      ;;
  esac
done
