#!/bin/sh
# Installs the Debian bookworm packages that Plexus is built, tested and run with. Does nothing when all are
# there. --full adds what .ci/full needs; --list only names what is missing.
set -eu

packages="
  g++ cmake ninja-build ccache pkg-config git ca-certificates
  libboost1.81-dev libboost-json1.81-dev libboost-program-options1.81-dev
  libssl-dev libsodium-dev liblmdb-dev libzstd-dev libqrencode-dev libtomlplusplus-dev
  libgtest-dev libgmock-dev
  openssl tmux procps binutils python3
  tor obfs4proxy"
full="clang-14 libclang-rt-14-dev clang-tidy-14 clang-format-14 chromium"

list=no
for option in "$@"; do
  case $option in
    --full) packages="$packages $full" ;;
    --list) list=yes ;;
    *)
      echo "usage: $0 [--full] [--list]" >&2
      exit 2
      ;;
  esac
done

if ! command -v dpkg-query > /dev/null; then
  echo "$0: this is no Debian system; install the equivalents of:" $packages >&2
  exit 1
fi

installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $packages 2> /dev/null |
  sed -n 's/ installed$//p')
missing=
for package in $packages; do
  printf '%s\n' "$installed" | grep -qxF "$package" || missing="$missing $package"
done

if test "$list" = yes; then
  test -z "$missing" || printf '%s\n' $missing
  exit 0
fi
test -n "$missing" || exit 0

if test "$(id -u)" = 0; then
  as_root=
elif command -v sudo > /dev/null; then
  as_root=sudo
else
  echo "$0: run this as root, or install sudo. Missing packages:$missing" >&2
  exit 1
fi

echo "installing:$missing" >&2
$as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
