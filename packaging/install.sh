#!/bin/sh
# Installs the packages beside this file on OpenWrt or NethSecurity, with opkg or apk, whichever the system has. Run as root on the firewall:
#
#   sh install.sh                    # nethsec, ns-plug, ns-ha, ns-report
#   sh install.sh ns-report          # only this one, and nethsec
#   sh install.sh --check            # only look whether the files are whole and fit this machine
#   sh install.sh --back [FILE...]   # remove these, and install the older ns-plug, ns-ha, ns-report again, from the system's feeds or from FILEs
#
# Settings in /etc/config stay as they are, also those of the packages that are replaced.
set -eu

fail() {
	echo "install: $1" >&2
	[ -z "${2:-}" ] || echo "$2" >&2
	exit 1
}

# Whoever installed the older packages has configured a pair with them: it goes on.
back() {
	manager=opkg
	command -v opkg >/dev/null || manager=apk
	command -v "$manager" >/dev/null || fail "neither opkg nor apk is here" "This is for OpenWrt and NethSecurity; on Debian: apt remove nethsec"
	untrusted=
	# Before anything is removed.
	for file in "$@"; do [ -f "$file" ] || fail "there is no file $file" "Name the files of the older packages: sh install.sh --back FILE..."; done
	if [ $# = 0 ]; then
		"$manager" update || fail "the package lists could not be updated" "Copy the package files to this machine, and name them: sh install.sh --back FILE..."
		set -- ns-plug ns-ha ns-report
	elif [ $manager = apk ]; then
		untrusted=--allow-untrusted
	fi
	if command -v ns-ha >/dev/null; then ns-ha hand-back || exit 1; fi
	retry="Correct what it says above and run this again."
	# shellcheck disable=SC2046,SC2086
	if [ $manager = opkg ]; then
		# Others of the system's packages may count on these names. Without nethsec they are the older ones already, or gone.
		[ ! -e /usr/lib/opkg/info/nethsec.control ] ||
			opkg remove --force-depends $(for name in ns-plug ns-ha ns-report nethsec; do [ ! -e "/usr/lib/opkg/info/$name.control" ] || echo "$name"; done) ||
			fail "opkg did not remove everything" "$retry"
		opkg install "$@" || fail "opkg did not install everything" "$retry"
	else
		apk del ns-plug ns-ha ns-report nethsec || fail "apk did not remove everything" "$retry"
		apk add $untrusted "$@" || fail "apk did not install everything" "$retry"
	fi
	[ -z "$(uci -q get keepalived.ha_peer)" ] || /etc/init.d/keepalived reload
	echo "Installed: the older packages."
	exit 0
}

if [ "${1:-}" = --back ]; then
	shift
	[ "$(id -u)" = 0 ] || fail "only root can install packages" "Log in to the firewall as root."
	back "$@"
fi
cd "$(dirname "$0")"
check=
chosen=
for argument in "$@"; do
	case $argument in
	--check) check=1 ;;
	ns-plug | ns-ha | ns-report) chosen="$chosen $argument" ;;
	nethsec) ;;
	-h | --help)
		sed -n '2,/^$/s/^# \{0,1\}//p' "${0##*/}" | grep -v '^set '
		exit 0
		;;
	*) fail "there is no package $argument" "Packages: ns-plug, ns-ha, ns-report; nethsec comes with each." ;;
	esac
done
packages="nethsec${chosen:- ns-plug ns-ha ns-report}"

[ "$(id -u)" = 0 ] || fail "only root can install packages" "Log in to the firewall as root."
if command -v opkg >/dev/null; then
	manager=opkg
	suffix=ipk
	# Architectures in opkg's order of preference, the last one first.
	architectures=$(opkg print-architecture | sort -k3 -rn | awk '{ print $2 }')
elif command -v apk >/dev/null; then
	manager=apk
	suffix=apk
	architectures="$(apk --print-arch) noarch"
else
	fail "neither opkg nor apk is here" "This is for OpenWrt and NethSecurity; on Debian: apt install ./nethsec_*.deb ./ns-report_*.deb"
fi

# file_of PACKAGE: the newest version of its file for this machine
file_of() {
	for architecture in $architectures all; do
		# The newest version comes last in the order of names; such names have no blanks.
		# shellcheck disable=SC2045
		for file in $(ls -r "$1"[_-][0-9]*"$suffix" 2>/dev/null); do
			case $file in
			"$1"_*_"$architecture".ipk | "$1"-[0-9]*.apk) echo "$file" && return 0 ;;
			esac
		done
	done
	return 1
}

[ -s SHA256SUMS ] || fail "SHA256SUMS is not here" "Copy it to $PWD together with the packages: what is not verified is not installed."
files=
for package in $packages; do
	file=$(file_of "$package") || fail "there is no .$suffix file of $package for this machine ($(echo $architectures))" \
		"$([ "$manager" = apk ] && echo "Build it with the SDK of this release: packaging/openwrt/Makefile." || echo "Copy it to $PWD.")"
	sum=$(awk -v file="$file" '$2 == file { print $1 }' SHA256SUMS)
	[ -n "$sum" ] || fail "$file is not in SHA256SUMS" "Copy packages and SHA256SUMS of the same build."
	[ "$(sha256sum "$file" | cut -d' ' -f1)" = "$sum" ] || fail "$file is damaged: its checksum is not the one in SHA256SUMS" "Copy it again."
	files="$files ./$file"
done
echo "Verified:$files"
free=$(df -k /usr/sbin | awk 'END { print $(NF - 2) }')
[ "$free" -ge 163840 ] || fail "$((free / 1024)) MB are free on the file system of /usr/sbin, 160 MB are needed" "Make room, or install on a larger disk."
[ -z "$check" ] || exit 0

if [ "$manager" = opkg ]; then
	opkg update >/dev/null 2>&1 || echo "install: the package lists could not be updated; dependencies must be here already." >&2
	# The packages that these replace have higher versions.
	# shellcheck disable=SC2086
	opkg install --force-downgrade $files || fail "opkg did not install everything" "Correct what it says above and run this again: what is installed stays."
	# A feed with the older packages, which have higher versions, would put them back one night.
	# shellcheck disable=SC2086
	opkg flag hold $packages >/dev/null
else
	# Whole files, verified above; they bear no key of this system's. A package from a file stays what it is when the others are upgraded.
	# shellcheck disable=SC2086
	apk add --allow-untrusted $files || fail "apk did not install everything" "Correct what it says above and run this again."
fi
echo "Installed: $packages. Next: nethsec help"
