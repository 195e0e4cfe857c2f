# choose.sh: which test files a run is about
#
# Sourced after common.sh by the run-*.sh scripts.

# choose FOLDER SUFFIX: sets files, relative to the checkout, from the
# patterns in $T when there are any, else all.  A folder without files ends
# the script with "no tests"; patterns or a folder that give none although
# there should be some are an error.
choose()
{
  local folder=$1 suffix=$2 pattern file
  files=()
  cd "$top"
  if [ -z "$(find "$folder" -name "*$suffix" -print -quit 2> /dev/null)" ]; then
    [ -z "${T-}" ] || die "no file matches T='$T': $folder has no tests"
    echo "$folder: no tests"
    exit 0
  fi
  for pattern in ${T:-$folder/*$suffix}; do
    for file in $pattern; do
      case $file in
        "$folder"/*"$suffix") [ ! -f "$file" ] || files+=("$file") ;;
      esac
    done
  done
  [ ${#files[@]} -gt 0 ] ||
    die "no file in $folder matches ${T:-*$suffix}"
}
