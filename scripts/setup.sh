#!/bin/sh
# Installs what the project needs and is not here yet: npm packages (exactly the lock file's) in the checkout, and Debian packages on this machine,
# unless the lab has a root of its own with them (`make root`, lab/root/build). Repeats nothing. Services of the Debian packages are not started: the lab
# starts its own, in namespaces.
set -eu
cd "$(dirname "$0")/.."
stamp=node_modules/.nethsec-lock
# Tests build on the lab's root, too. It has no npm, and was entered after this script.
if [ -e /etc/nethsec-lab-root ] && ! command -v npm >/dev/null && cmp -s package-lock.json "$stamp"; then exit 0; fi

how='Node.js 20 or newer with npm is needed. Debian 12 has 18. From nodejs.org, as root:
  curl -fsSL https://nodejs.org/dist/latest-v22.x/SHASUMS256.txt | grep linux-x64.tar.xz     # name and checksum
  curl -fsSLO https://nodejs.org/dist/latest-v22.x/NAME && sha256sum NAME && tar -xJf NAME -C /usr/local --strip-components=1'
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	printf 'setup: Node.js or npm is missing.\n%s\n' "$how" >&2
	exit 1
fi
version=$(node --version)
major=${version#v}
major=${major%%.*}
if [ "$major" -lt 20 ]; then
	printf 'setup: this Node.js is %s.\n%s\n' "$version" "$how" >&2
	exit 1
fi

if ! cmp -s package-lock.json "$stamp"; then
	echo "Installing npm packages (about 50, 300 MB on the disk) …"
	# What npm says is of interest when it fails only. Install scripts do not run (.npmrc).
	said=$(npm ci --no-audit --no-fund --no-progress --loglevel=error --no-update-notifier 2>&1) || {
		printf '%s\nsetup: npm ci failed.\n' "$said" >&2
		exit 1
	}
	# bun's own puts its executable in place; it does nothing else.
	node_modules/.bin/bun --version >/dev/null 2>&1 || node node_modules/bun/install.js
	cp package-lock.json "$stamp"
fi

# The list of makers of network devices.
vendors=packages/report/src/names/vendors.gz
if [ ! -s "$vendors" ] || [ "$stamp" -nt "$vendors" ] || [ packages/report/scripts/vendors.ts -nt "$vendors" ]; then node_modules/.bin/bun packages/report/scripts/vendors.ts; fi

[ "${1:-}" = npm-only ] && exit 0
# On the lab's own root, or with one that is used instead (make root), nothing of the machine is needed.
if [ -e /etc/nethsec-lab-root ] || { [ "${NETHSEC_LAB_ROOT:-}" != machine ] && lab/root/build --made >/dev/null; }; then exit 0; fi
missing=
# Package names have no blanks.
# shellcheck disable=SC2013
for package in $(sed 's/#.*//' lab/packages.txt); do
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
	echo "setup: these Debian packages are missing, and only root can install them:$missing" >&2
	exit 1
fi
# shellcheck disable=SC2086 # words
lab/install-packages $missing
