#!/usr/bin/env bash
# Installs from the distribution what is missing, or says in one line what to install by hand.
# Does nothing, and needs no rights, where everything is there.
#
#   deploy/packages.sh build             what compiling needs
#   deploy/packages.sh build test load   and what the tests and the load matrix run
#   deploy/packages.sh build compare     and what counts a comparison's instructions
#   deploy/packages.sh build test data   and what the benchmark of moving rows is held against
set -euo pipefail

# Each entry is command:package.
declare -A groups=(
  [build]="cc:build-essential c++:build-essential make:build-essential cmake:cmake"
  [test]="initdb:postgresql redis-server:redis-server mariadbd:mariadb-server-core chromium:chromium"
  [compare]="valgrind:valgrind"
  [data]="pgloader:pgloader"
  [load]="nginx:nginx-light wrk:wrk valgrind:valgrind"
)

say() {
  echo "cutover: $1" >&2
  exit 1
}

command -v cargo >/dev/null || say "Rust is missing: install it from https://rustup.rs"

# Debian keeps servers where an ordinary user's PATH does not look.
for directory in /usr/sbin /sbin /usr/lib/postgresql/*/bin; do PATH="$PATH:$directory"; done

missing=""
for group in "$@"; do
  [ -n "${groups[$group]:-}" ] || say "no group of packages is called '$group' (${!groups[*]})"
  for entry in ${groups[$group]}; do
    package=${entry#*:}
    case " $missing " in *" $package "*) continue ;; esac
    command -v "${entry%%:*}" >/dev/null || missing="${missing:+$missing }$package"
  done
done
[ -n "$missing" ] || exit 0

as_root=(env DEBIAN_FRONTEND=noninteractive)
command -v apt-get >/dev/null || say "please install: $missing (Debian's names)"
if [ "$(id -u)" -ne 0 ]; then
  sudo -n true 2>/dev/null || say "please run: sudo apt-get install $missing"
  as_root=(sudo -n "${as_root[@]}")
fi

# Only the programs are wanted: tests start private servers, so no package may start one of its
# own now (policy-rc.d), nor prepare one for the next boot (createcluster.conf).
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
fi
clusters=/etc/postgresql-common/createcluster.conf
if [[ " $missing " == *" postgresql "* && ! -e "$clusters" ]]; then
  "${as_root[@]}" mkdir -p "${clusters%/*}"
  echo "create_main_cluster = false" | "${as_root[@]}" tee "$clusters" >/dev/null
fi

echo "cutover: installing $missing" >&2
log=$(mktemp)
# shellcheck disable=SC2086 # The list of packages is meant to split into words.
if ! {
  "${as_root[@]}" apt-get update &&
    "${as_root[@]}" apt-get install -y --no-install-recommends \
      -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300 $missing
} >"$log" 2>&1; then
  tail -n 5 "$log" >&2
  say "apt-get failed (all of it is in $log); please install: $missing"
fi
rm -f "$log"
