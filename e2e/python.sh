#!/bin/sh
# Prints the path of a Python that has PyJWT with cryptography: the one on the PATH, else Debian's, with both installed
# for it.
set -eu

find_it() {
	for python in python3 /usr/bin/python3; do
		"$python" -c 'import cryptography, jwt' 2>/dev/null && command -v "$python" && return 0
	done
	return 1
}

find_it && exit 0
"$(dirname "$0")/install.sh" "Verifying offline in Python needs PyJWT and cryptography." python3 python3-jwt python3-cryptography
find_it
