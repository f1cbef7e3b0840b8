#!/bin/sh
# Prints the path of Chromium: the one that $CHROMIUM names, else one on the PATH, else Debian's, installed for it.
set -eu

if [ -n "${CHROMIUM:-}" ]; then
	command -v "$CHROMIUM" && exit 0
	printf 'CHROMIUM is set to %s, which is no program.\n' "$CHROMIUM" >&2
	exit 1
fi
exec "$(dirname "$0")/need.sh" "chromium chromium-browser google-chrome" \
	"The browser tests need Chromium; one that is not on the PATH can be named by CHROMIUM." chromium
