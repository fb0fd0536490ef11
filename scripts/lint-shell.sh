#!/bin/sh
# Runs shellcheck over every shell script of the repository: what begins with a shell's name, what ends in .sh, and the parts of packages that other
# programs run. All are read as dash's dialect, which Debian's sh and OpenWrt's ash share. Without shellcheck it says so and passes; in CI it fails.
set -eu
cd "$(dirname "$0")/.."
command -v shellcheck >/dev/null || {
	echo "lint-shell: shellcheck is missing (apt-get install shellcheck): the shell scripts were not checked." >&2
	[ "${CI:-}" != true ]
	exit
}
list=$(mktemp)
trap 'rm -f "$list"' EXIT
{ git ls-files 2>/dev/null || find . -type f -not -path '*/node_modules/*' -not -path './.cache/*' -not -path './dist/*'; } |
	while read -r file; do
		[ -f "$file" ] && [ ! -L "$file" ] || continue
		case $file in
			*.sh | packaging/openwrt/packages/*/p* | system/openwrt/etc/uci-defaults/*) echo "$file" ;;
			*) head -c 60 "$file" | head -n 1 | tr -d '\0' | grep -qE '^#! ?/bin/(sh|dash|ash)( |$)' && echo "$file" ;;
		esac || :
	done >"$list"
count=$(wc -l <"$list")
[ "$count" -gt 80 ] || {
	echo "lint-shell: only $count scripts were found: the search is broken." >&2
	exit 1
}
grep -v '/init\.d/' "$list" | xargs shellcheck --shell=dash --severity=warning
# rc.common reads START, STOP and USE_PROCD of init scripts.
grep '/init\.d/' "$list" | xargs shellcheck --shell=dash --severity=warning --exclude=SC2034
echo "shellcheck: $count scripts, nothing found."
