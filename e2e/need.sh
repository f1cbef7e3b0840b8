#!/bin/sh
# Prints where a program is: need.sh "NAME…" WHY PACKAGE… where any of the names will do. If none is there, installs the
# Debian packages when it may, and otherwise stops with what to install: a missing tool is never a skipped test.
set -eu

PATH=$PATH:/usr/sbin:/sbin # where Debian keeps servers, and not everybody looks
names=$1
why=$2
shift 2

find_it() {
	for name in $names; do
		command -v "$name" && return 0
	done
	return 1
}

find_it && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	printf '%s Install it, on Debian with: sudo apt-get install %s\n' "$why" "$*" >&2
	exit 1
fi
printf '%s Installing the Debian packages: %s\n' "$why" "$*" >&2
apt-get update -qq >&2
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
find_it
