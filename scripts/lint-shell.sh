#!/bin/sh
# Runs shellcheck over every shell script of the repository: what begins with a shell's name, what ends in .sh, and the parts of packages that other
# programs run. All are read as dash's dialect, which Debian's sh and OpenWrt's ash share. Takes the machine's shellcheck or the lab root's. Without
# one it says so and passes; in CI it fails.
set -eu
cd "$(dirname "$0")/.."
if ! command -v shellcheck >/dev/null && lab/root/build --made >/dev/null && [ "$(id -u)" = 0 ]; then exec lab/root/enter scripts/lint-shell.sh; fi
command -v shellcheck >/dev/null || {
	echo "lint-shell: shellcheck is missing (apt-get install shellcheck): the shell scripts were not checked." >&2
	[ "${CI:-}" != true ]
	exit
}
list=$(mktemp)
trap 'rm -f "$list"' EXIT
files() {
	{ git ls-files 2>/dev/null || find . -type f -not -path '*/node_modules/*' -not -path './.cache/*' -not -path './dist/*'; } |
		while read -r file; do [ ! -f "$file" ] || [ -L "$file" ] || echo "$file"; done
}
{
	files | grep -E '\.sh$|packaging/openwrt/packages/[^/]*/p|system/openwrt/etc/uci-defaults/'
	# One awk for all files: a program for each of them would take longer than shellcheck.
	files | tr '\n' '\0' | xargs -0 awk 'FNR == 1 && /^#! ?\/bin\/(sh|dash|ash)( |$)/ { print FILENAME } { nextfile }'
} | sort -u >"$list"
count=$(wc -l <"$list")
[ "$count" -gt 80 ] || {
	echo "lint-shell: only $count scripts were found: the search is broken." >&2
	exit 1
}
grep -v '/init\.d/' "$list" | xargs shellcheck --shell=dash --severity=warning
# rc.common reads START, STOP and USE_PROCD of init scripts.
grep '/init\.d/' "$list" | xargs shellcheck --shell=dash --severity=warning --exclude=SC2034
echo "shellcheck: $count scripts, nothing found."
