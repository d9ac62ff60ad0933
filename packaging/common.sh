# shellcheck shell=bash disable=SC2034 # the variables are for the scripts that source this
# Sourced by the scripts of this folder: what is packed, for which machine, and where it goes.
# The version and the address of the repository stand in Cargo.toml alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

field() { sed -n "s/^$1 = \"\(.*\)\"$/\1/p" Cargo.toml | head -n 1; }
version=$(field version)
repository=$(field repository)
description=$(field description)
target=${STOCKTAKE_PACKAGE_TARGET:-x86_64-unknown-linux-gnu}
name=stocktake-$version-$target
out=target/packages
# `dist` is what is released. A check may take `release`, which is built in a fraction of the time.
profile=${STOCKTAKE_PACKAGE_PROFILE:-dist}
binary=$out/build/$target/$profile/stocktake
tree=$out/tree/$name
# Every time within a package is that of the commit, so packing twice gives the same bytes.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || echo 315532800)}
export SOURCE_DATE_EPOCH version repository description target
# Replaces @version@ and its like in a template.
fill() {
  local text
  text=$(cat)
  for word in version repository description target "$@"; do
    text=${text//"@$word@"/${!word}}
  done
  printf '%s\n' "$text"
}
