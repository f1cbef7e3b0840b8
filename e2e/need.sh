#!/bin/sh
# Prints where a program is: need.sh "NAME…" WHY PACKAGE… where any of the names will do. If none is there, installs the
# Debian packages, or stops.
set -eu

PATH=$PATH:/usr/sbin:/sbin # Debian installs servers there
names=$1
shift

find_it() {
	for name in $names; do
		command -v "$name" && return 0
	done
	return 1
}

find_it && exit 0
"$(dirname "$0")/install.sh" "$@"
find_it
