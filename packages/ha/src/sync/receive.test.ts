/** Receiving stops before the file system is full, and removes the partial transfer. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Host } from "@nethsec/host/host";
import { localHost } from "@nethsec/host/local/local-host";
import { readHaConfig } from "../cluster/config.ts";
import { receive } from "./receive.ts";

setDefaultTimeout(paced(60_000));

const keepalived =
  "config ipaddress 'lan_ipaddress'\n\toption name 'lan_ha'\n\toption address '192.168.100.240/24'\n\toption device 'br-lan'\n" +
  "\toption ns_link 'network/lan'\n\nconfig peer 'ha_peer'\n\toption address '192.168.100.238'\n\n" +
  "config vrrp_instance 'backup'\n\toption unicast_src_ip '192.168.100.239'\n";
const megabyte = 1024 * 1024;

test("a transfer that fills the file system is stopped, said, and thrown away", async () => {
  const root = mkdtempSync(join(tmpdir(), "receive-"));
  try {
    for (const folder of ["etc/config", "usr/bin"]) mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, "etc/config/keepalived"), keepalived);
    const staging = join(root, "usr/share/keepalived/rsync");
    // An endless transfer; free space is exhausted as soon as some data arrived.
    writeFileSync(join(root, "usr/bin/rsync"), `#!/bin/sh\necho x >${staging}/large\nexec sleep 60\n`, { mode: 0o755 });
    const machine = localHost({ root });
    const host: Host = {
      ...machine,
      system: {
        ...machine.system,
        fileSystem: () => ({
          size: 1000 * megabyte,
          free: existsSync(join(staging, "large")) ? megabyte : 100 * megabyte,
          device: 1,
        }),
      },
    };
    const config = readHaConfig(host.uci);
    if (config === undefined) throw new Error("no cluster");
    await expect(receive(host, config, ["--server"], new AbortController().signal)).rejects.toMatchObject({
      code: "staging_full",
      advice: expect.stringContaining("df -h /usr/share/keepalived/rsync"),
    });
    expect(existsSync(staging)).toBe(false);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
