/** Default of the list of synchronised paths, besides those of `sysupgrade -l`. */

/** Contract, section 3; besides these everything that `sysupgrade -l` lists. */
export function defaultSyncList(leaseFile: string): string[] {
  const folders = [
    "/etc/ha",
    "/etc/acme",
    "/etc/ssl/acme",
    "/etc/openvpn",
    "/etc/nginx",
    "/etc/adblock",
    "/etc/banip",
    "/etc/netifyd",
  ];
  return [...folders, leaseFile, "/var/ns-snort", "/tmp/banIP-backup", "/tmp/adblock-Backup"];
}
