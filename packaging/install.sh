#!/bin/sh
# Installs a released binary of stocktake, checked against its SHA-256.
#
#   sh install.sh [--tag v@version@] [--to DIRECTORY] [--from ADDRESS]
#
# --from is where the files of a release are (https://, http://localhost or a mirror of yours).
set -eu

tag=v@version@
to=${XDG_BIN_HOME:-$HOME/.local/bin}
from=

fail() { echo "install.sh: $1" >&2; exit 1; }
while [ $# -gt 0 ]; do
  [ $# -gt 1 ] || fail "$1 needs a value"
  case $1 in
    --tag) tag=$2 ;;
    --to) to=$2 ;;
    --from) from=$2 ;;
    *) fail "there is no option $1: --tag, --to and --from are known" ;;
  esac
  shift 2
done
case $tag in v[0-9]*) ;; *) fail "a tag looks like v@version@, and not like $tag" ;; esac
[ -n "$from" ] || from=@repository@/releases/download/$tag

case $(uname -s) in
  Linux) system=unknown-linux-gnu ;;
  Darwin) system=apple-darwin ;;
  *) fail "there is no binary for $(uname -s): build it with \`cargo install\`" ;;
esac
case $(uname -m) in
  x86_64 | amd64) machine=x86_64 ;;
  aarch64 | arm64) machine=aarch64 ;;
  *) fail "there is no binary for $(uname -m): build it with \`cargo install\`" ;;
esac
name=stocktake-${tag#v}-$machine-$system

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
get() {
  curl --fail --silent --show-error --location --retry 3 --output "$folder/$1" "$from/$1" ||
    fail "cannot get $from/$1"
}
get SHA256SUMS
get "$name.tar.gz"
cd "$folder"
grep "  $name.tar.gz\$" SHA256SUMS > sum || fail "SHA256SUMS does not name $name.tar.gz"
if command -v sha256sum > /dev/null; then check=sha256sum; else check='shasum -a 256'; fi
$check -c sum > /dev/null 2>&1 || fail "$name.tar.gz has another SHA-256 than the release says: nothing was installed"
tar xzf "$name.tar.gz"
cd - > /dev/null
mkdir -p "$to"
# Renamed into place, so a stocktake that runs is not overwritten.
cp "$folder/$name/stocktake" "$to/.stocktake.new"
chmod 755 "$to/.stocktake.new"
mv "$to/.stocktake.new" "$to/stocktake"
"$to/stocktake" --version
case :$PATH: in *":$to:"*) ;; *) echo "add $to to PATH to call it by its name" ;; esac
