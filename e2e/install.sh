#!/bin/sh
# Installs what a test lacks: install.sh WHY PACKAGE… takes Debian packages. Where it may not, it stops with what to
# install: a missing tool is never a skipped test.
set -eu

why=$1
shift

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	printf '%s Install it, on Debian with: sudo apt-get install %s\n' "$why" "$*" >&2
	exit 1
fi
printf '%s Installing the Debian packages: %s\n' "$why" "$*" >&2
apt-get update -qq >&2
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
