/**
 * Replacements for the parts of OpenWrt that packages use: opkg, and reimplementations of the base-files functions that start a package's
 * services. `OPKG=/path/to/opkg` runs the tests with the real one (built without usign) instead of the stand-in beside this file.
 */
import { join } from "node:path";

const given = process.env["OPKG"];
export const isStandIn: boolean = given === undefined;
/** Program to install as /usr/bin/opkg. */
export const opkg: string = given ?? join(import.meta.dirname, "opkg");

const provided =
  "libc libstdcpp6 ca-bundle xz openvpn-openssl gnupg2 libopenssl-util rpcd keepalived conntrackd conntrack rsync dropbear".split(
    " ",
  );

/** Files that opkg needs: installed packages, architectures. */
export const opkgFiles: Readonly<Record<string, string>> =
  given === undefined
    ? { "/etc/opkg-provided": `${provided.join("\n")}\n` }
    : {
        "/etc/opkg.conf":
          "dest root /\ndest ram /tmp\nlists_dir ext /var/opkg-lists\narch all 1\narch noarch 1\narch x86_64 10\n",
        "/usr/lib/opkg/status": provided
          .map((name) => `Package: ${name}\nVersion: 1\nStatus: install user installed\nArchitecture: all\n\n`)
          .join(""),
        ...Object.fromEntries(
          provided.flatMap((name) => [
            [`/usr/lib/opkg/info/${name}.list`, ""],
            [`/usr/lib/opkg/info/${name}.control`, `Package: ${name}\nVersion: 1\nArchitecture: all\n`],
          ]),
        ),
      };

/** Text to append to /lib/functions.sh. `opkg_held` prints the packages on hold, which upgrades do not replace. */
export const platform = `
default_postinst() {
	pkgname=\${pkgname:-$(basename "\${1%.*}")}
	list=/usr/lib/opkg/info/$pkgname.list
	[ ! -f "/lib/apk/packages/$pkgname.list" ] || list=/lib/apk/packages/$pkgname.list
	for i in $(grep -s ^/etc/uci-defaults/ "$list"); do ( [ -f "$i" ] && . "$i" ) && rm -f "$i"; done
	uci commit
	status=0
	[ ! -f "/usr/lib/opkg/info/$pkgname.postinst-pkg" ] || ( . "/usr/lib/opkg/info/$pkgname.postinst-pkg" ) || status=$?
	for i in $(grep -s ^/etc/init.d/ "$list"); do
		[ "$PKG_UPGRADE" = 1 ] || "$i" enable
		"$i" start
	done
	return $status
}
default_prerm() {
	pkgname=\${pkgname:-$(basename "\${1%.*}")}
	list=/usr/lib/opkg/info/$pkgname.list
	[ ! -f "/lib/apk/packages/$pkgname.list" ] || list=/lib/apk/packages/$pkgname.list
	status=0
	[ ! -f "/usr/lib/opkg/info/$pkgname.prerm-pkg" ] || ( . "/usr/lib/opkg/info/$pkgname.prerm-pkg" ) || status=$?
	for i in $(grep -s ^/etc/init.d/ "$list"); do
		[ "$PKG_UPGRADE" = 1 ] || "$i" disable
		"$i" stop
	done
	return $status
}
opkg_held() {
	if [ -f /usr/lib/opkg/status ]; then
		awk '$1 == "Package:" { name = $2 } $1 == "Status:" && $3 ~ /hold/ { print name }' /usr/lib/opkg/status
	else
		ls /usr/lib/opkg/info | sed -n 's/\\.hold$//p'
	fi | sort | tr '\\n' ' '
}
`;
