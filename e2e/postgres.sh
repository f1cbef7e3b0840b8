#!/bin/sh
# Prints the folder of Postgres' programs. If they are not there, installs the Debian package, or stops. Tests of several
# packages may ask at once.
set -eu

find_it() {
	for server in $(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | sort -t / -k 5 -rn) "$(command -v postgres || true)"; do
		folder=$(dirname "$(readlink -f "$server" || true)")
		if [ -x "$folder/postgres" ] && [ -x "$folder/initdb" ]; then
			printf '%s\n' "$folder"
			return 0
		fi
	done
	return 1
}

find_it && exit 0
if command -v flock >/dev/null && [ "$(id -u)" -eq 0 ]; then
	exec 9>/run/lock/tokentab-postgres.lock
	flock 9
	find_it && exit 0
fi
"$(dirname "$0")/install.sh" "The tests of the second store need Postgres 15 or later: its programs, or a server that TOKENTAB_TEST_DATABASE_URL names." postgresql >&2
find_it
