# source.sh: the source package of the installed PostgreSQL
#
# Sourced after common.sh, with PG_CONFIG set, and source_hint: what else a
# caller can do where there is none.  apt fetches the package from where this
# machine gets its packages, with lists and sources of its own in a temporary
# directory.  Root is not needed, and the system's apt stays as it is.

# apt with lists and sources of its own: the machine's, deb turned to deb-src
private_apt()
{
  local tool=$1
  shift
  "$tool" -q -o Dir::Etc::sourcelist=/dev/null \
    -o Dir::Etc::sourceparts="$apt/sources" -o Dir::State::lists="$apt/lists" \
    -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root "$@"
}

private_apt_sources()
{
  local file
  mkdir -p "$apt/sources" "$apt/lists/partial" "$apt/cache" "$apt/package"
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ ! -r "$file" ] || sed -n 's/^deb[[:space:]]/deb-src /p' "$file" \
      > "$apt/sources/$(basename "$file" .list)-line.list"
  done
  for file in /etc/apt/sources.list.d/*.sources; do
    [ ! -r "$file" ] || sed 's/^Types:.*/Types: deb-src/' "$file" \
      > "$apt/sources/$(basename "$file")"
  done
}

# Fetches the source of the installed package, or of another minor version
# where a mirror no longer has that one, and says so.
fetch_source()
{
  local package installed version
  package=$(dpkg-query -S "$("$PG_CONFIG" --bindir)/postgres" 2> /dev/null |
    sed -n '1s/:.*//p')
  [ -n "$package" ] || die "no package owns $("$PG_CONFIG" --bindir)/postgres:" \
    "$source_hint"
  installed=$(dpkg-query -W -f '${source:Version}' "$package")
  package=$(dpkg-query -W -f '${source:Package}' "$package")

  private_apt_sources
  private_apt apt-get update > "$apt/log" 2>&1 || {
    cat "$apt/log" >&2
    die "apt could not read the lists of source packages"
  }
  for version in "$installed" $(private_apt apt-cache showsrc "$package" \
    2> /dev/null | sed -n 's/^Version: //p' | sort -rVu); do
    if (cd "$apt/package" && private_apt apt-get source --tar-only \
      "$package=$version" > "$apt/log" 2>&1); then
      [ "$version" = "$installed" ] ||
        echo "the source is that of $package $version, not $installed"
      return
    fi
  done
  cat "$apt/log" >&2
  die "apt found no source of $package: $source_hint"
}

# unpack_source DIR STRIP [PATTERN]: its files, or those that match, without
# the first STRIP parts of their paths
unpack_source()
{
  local dir=$1 strip=$2
  shift 2
  apt=$(mktemp -d "${TMPDIR:-/tmp}/homeostasis-apt.XXXXXX")
  trap 'rm -rf "$apt"' EXIT
  fetch_source
  tar -C "$dir" -xf "$(ls "$apt"/package/*.orig.tar.*)" \
    --strip-components="$strip" --wildcards "$@" ||
    die "the source package could not be unpacked"
  rm -rf "$apt"
  trap - EXIT
}
