/** What is synchronised besides the list of `sysupgrade -l`, unless somebody changes it. */

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
