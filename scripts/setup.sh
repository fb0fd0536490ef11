#!/bin/sh
# Installs what the project needs and is not here yet: npm packages (exactly the lock file's) and Debian packages. Repeats nothing.
# Services of the Debian packages are not started: the lab starts its own, in namespaces.
set -eu
cd "$(dirname "$0")/.."

command -v node >/dev/null && command -v npm >/dev/null || {
	echo "setup: Node.js 20 or newer and npm are needed (Debian 12: apt-get install nodejs npm, or nodejs.org)." >&2
	exit 1
}

stamp=node_modules/.nethsec-lock
if ! cmp -s package-lock.json "$stamp"; then
	echo "Installing npm packages …"
	npm ci --no-audit --no-fund --loglevel=error
	# npm may have been told not to run install scripts: bun's puts its executable in place.
	node_modules/.bin/bun --version >/dev/null 2>&1 || node node_modules/bun/install.js
	cp package-lock.json "$stamp"
fi

[ "${1:-}" = npm-only ] && exit 0
missing=
for package in $(sed 's/#.*//' lab/packages.txt); do
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
	echo "setup: these Debian packages are missing, and only root can install them:$missing" >&2
	exit 1
fi
echo "Installing Debian packages:$missing …"
policy=/usr/sbin/policy-rc.d
[ -e "$policy" ] || {
	trap 'rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
}
apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
