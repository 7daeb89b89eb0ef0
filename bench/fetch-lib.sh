# Shared by bench/data/fetch.sh and bench/peers/fetch.sh: packages by name and exact version, checked, cached and unpacked.
#
# A folder that uses it holds two tables, tab-separated, '#' starts a comment:
#   packages.tsv  kind (deb | src | npm), name, version, archive's file name in the cache, SHA-256 of the archive, size in bytes, licence
#   layout.tsv    package name, path inside the unpacked package (may be a glob), destination under the target folder
#                 (a trailing '/' means "into that folder", otherwise the file or folder itself)
# Destination and cache lie under one target folder, which git ignores. A package whose stamp matches its rows in both tables
# and whose placed files all exist is left alone, so a second run does no work.

die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

need() { command -v "$1" >/dev/null 2>&1 || die "needs '$1'${2:+: $2}"; }

rows() { grep -vE '^[[:space:]]*(#|$)' "$1"; }

sha256_of() { local sum; sum=$(sha256sum "$1") && printf '%s\n' "${sum%% *}"; }

megabytes() { awk -v b="$1" 'BEGIN { printf "%.1f MB", b / 1e6 }'; }

# say TEXT: a finished line. On a terminal it replaces the progress line.
say() { if [ -t 2 ]; then printf '\r\033[K%s\n' "$*" >&2; else printf '%s\n' "$*" >&2; fi; }

# watch TEXT COMMAND...: runs the command with its output in $log; on a terminal shows TEXT and the seconds gone until it ends.
watch_command() {
  local text=$1; shift
  if [ ! -t 2 ]; then
    printf '%s ...\n' "$text" >&2
    ("$@") >"$log" 2>&1
    return
  fi
  ("$@") >"$log" 2>&1 &
  local pid=$! start=$SECONDS
  child=$pid
  while kill -0 "$pid" 2>/dev/null; do
    printf '\r\033[K%s ... %d s' "$text" $((SECONDS - start)) >&2
    sleep 0.2
  done
  printf '\r\033[K' >&2
  child=
  wait "$pid"
}

download_deb() { # NAME VERSION: leaves one .deb in $work/download
  cd "$work/download" && exec apt-get download "$1=$2"
}

# A tarball of a source package. Lists of sources are fetched into the target folder: those of the machine stay as they are.
download_src() { # NAME VERSION ARCHIVE: leaves ARCHIVE in $work/download
  local lists=$target/.sources from
  mkdir -p "$lists/lists/partial" "$lists/cache/archives/partial"
  from=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null | grep -vE -- '-(updates|security|backports)' | sort -u | head -n 1)
  printf 'deb-src %s main\n' "${from:-http://deb.debian.org/debian bookworm}" >"$lists/sources.list"
  local own=(-o "Dir::Etc::SourceList=$lists/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$lists/lists" -o "Dir::Cache=$lists/cache")
  cd "$work/download" || return
  apt-get "${own[@]}" update -q && apt-get "${own[@]}" source -q --download-only --only-source --tar-only "$1=$2" || return
  find . -type f ! -name "$3" -delete
}

download_npm() { # NAME VERSION: leaves one .tgz in $work/download
  cd "$work/download" && exec npm pack --silent --ignore-scripts "$1@$2"
}

download() { # KIND NAME VERSION ARCHIVE SHA256 SIZE LABEL: fills $cache/ARCHIVE
  local kind=$1 name=$2 version=$3 archive=$4 sha=$5 size=$6 label=$7 got
  local manual="or put the file there yourself: $cache/$archive"
  if [ -f "$cache/$archive" ]; then
    got=$(sha256_of "$cache/$archive")
    [ "$got" = "$sha" ] && return
    say "$label: the cached archive does not match its SHA-256, downloading it again"
    rm -f "$cache/$archive"
  fi
  case $kind in
    deb | src) need apt-get "$name $version is a Debian package; $manual" ;;
    npm) need npm "$name $version is an npm package; $manual" ;;
    *) die "$name: unknown kind of package '$kind'" ;;
  esac
  rm -rf "$work/download" && mkdir -p "$work/download"
  if ! watch_command "$label: downloading $(megabytes "$size")" "download_$kind" "$name" "$version" "$archive"; then
    sed 's/^/  /' "$log" >&2
    case $kind in
      deb) die "cannot download the Debian package $name=$version: the version is Debian 12's, so apt needs a Debian 12 source and a fresh 'apt-get update'; $manual" ;;
      src) die "cannot download the Debian source package $name=$version: apt needs a Debian 12 mirror that has sources; $manual" ;;
      npm) die "cannot download the npm package $name@$version; $manual" ;;
    esac
  fi
  set -- "$work/download"/*
  [ $# -eq 1 ] && [ -f "$1" ] || die "$name $version: the download left no single archive"
  got=$(sha256_of "$1")
  [ "$got" = "$sha" ] || die "$name $version: SHA-256 is $got, expected $sha"
  mv "$1" "$cache/$archive"
}

unpack() { # KIND ARCHIVE: fills $work/tree
  rm -rf "$work/tree" && mkdir -p "$work/tree"
  case $1 in
    deb) need dpkg-deb; dpkg-deb -x "$2" "$work/tree" ;;
    src) need tar; tar -xf "$2" -C "$work/tree" --strip-components=1 --no-same-owner ;;
    npm) need tar; tar -xzf "$2" -C "$work/tree" --strip-components=1 --no-same-owner ;;
  esac
}

place() { # NAME SOURCE DESTINATION
  local name=$1 source=$2 dest=$3 found f
  found=$(compgen -G "$work/tree/$source" || true)
  [ -n "$found" ] || die "$name: nothing in the package matches $source"
  if [ "${dest%/}" != "$dest" ]; then
    mkdir -p "$target/$dest"
    while IFS= read -r f; do
      rm -rf "$target/$dest${f##*/}"
      mv "$f" "$target/$dest"
      printf '%s\n' "$dest${f##*/}" >>"$work/placed"
    done <<<"$found"
  else
    mkdir -p "$(dirname "$target/$dest")"
    rm -rf "${target:?}/$dest"
    mv "$found" "$target/$dest"
    printf '%s\n' "$dest" >>"$work/placed"
  fi
}

# fetch_all TABLES TARGET: does the work for every package of TABLES/packages.tsv.
fetch_all() {
  local tables=$1 count index=0 fresh=0 kind name version archive sha size licence label wanted stamp present path
  target=$2
  cache=$target/cache
  work=$target/.work.$$
  log=$work/log
  need sha256sum
  mkdir -p "$cache" "$target/.stamp"
  if command -v flock >/dev/null 2>&1; then
    exec 8>"$target/.lock"
    flock -n 8 || { say "waiting for another run on ${target##*/}"; flock 8; }
  fi
  child=
  trap 'if [ -n "$child" ]; then kill "$child" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM
  mkdir -p "$work"
  count=$(rows "$tables/packages.tsv" | wc -l)
  while IFS=$'\t' read -r kind name version archive sha size licence <&3; do
    index=$((index + 1))
    label="[$index/$count] $name $version"
    stamp=$target/.stamp/${archive}
    wanted=$(printf '%s\n' "$sha"; rows "$tables/layout.tsv" | awk -F'\t' -v n="$name" '$1 == n')
    printf '%s\n' "$wanted" | grep -q $'\t' || die "$name: no row in layout.tsv"
    if [ -f "$stamp" ] && [ -f "$stamp.placed" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
      present=yes
      while IFS= read -r path; do [ -e "$target/$path" ] || present=no; done <"$stamp.placed"
      [ "$present" = no ] || continue
    fi
    rm -f "$stamp" "$work/placed"
    download "$kind" "$name" "$version" "$archive" "$sha" "$size" "$label"
    [ -t 2 ] && printf '\r\033[K%s: unpacking' "$label" >&2
    unpack "$kind" "$cache/$archive"
    while IFS=$'\t' read -r _ source dest; do place "$name" "$source" "$dest"; done < <(printf '%s\n' "$wanted" | tail -n +2)
    mv "$work/placed" "$stamp.placed"
    printf '%s\n' "$wanted" >"$stamp"
    fresh=$((fresh + 1))
    say "$label: ready"
  done 3< <(rows "$tables/packages.tsv")
  rm -rf "$work"
  say "${target##*/}: $count packages, $fresh unpacked now, $((count - fresh)) already there"
}
