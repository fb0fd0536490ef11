/**
 * Takes over a pair set up by the older ns-ha, and hands it back. The older version has one SSH key, which opens a root shell on the backup, and
 * pins no host keys. With that key the primary installs its administrator's key on the backup; the old key is then restricted to the
 * synchronisation. The configuration in UCI stays as it is, except for the path of the rendered file (`ns-ha render`) and the new key. In between,
 * while one node has the older packages, `keepalived.globals.ns_mixed` keeps the VRRP priorities in order.
 * Invariant: running it again completes it; a pair that this version made or already took over is left alone.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Argv, Host } from "@nethsec/host/host";
import * as v from "valibot";
import { renderAndReload } from "../keepalived/apply-node.ts";
import { agentClient } from "../cluster/agent-client.ts";
import { readServiceTable } from "../cluster/service-table.ts";
import { haPaths, readHaConfig, type HaConfig } from "../cluster/config.ts";
import { adoptedPath } from "../sync/network-import.ts";
import { authorizedKeysPath, authorizeKeys, ensureKeys, revokeKeys, withoutComment } from "../ssh/keys.ts";
import { fingerprint, pin, pinnedKey, type HostKey } from "../ssh/known-hosts.ts";
import { dbclientTrouble, sshRun } from "../ssh/ssh-link.ts";
import { seenHostKey, withKnownHost } from "../ssh/ssh-password.ts";

/** What the primary sends to `ns-ha authorize`. */
const keysSchema = v.object({ sync: v.pipe(v.string(), v.check(isKey)), admin: v.pipe(v.string(), v.check(isKey)) });

function isKey(text: string): boolean {
  return withoutComment(text) === text;
}

const timeoutMs = 30_000;

/** On the primary. undefined: nothing to take over. Throws `backup_not_adopted` when the backup is unreachable or has the older version. */
export async function adoptCluster(host: Host): Promise<{ address: string; fingerprint: string } | undefined> {
  const config = readHaConfig(host.uci);
  if (config?.role !== "primary" || !host.files.exists(config.sync.keyPath)) return undefined;
  const { address } = config.peer;
  if (pinnedKey(host.files, address) !== undefined && host.files.exists(haPaths.adminKey)) return undefined;
  const keys = await ensureKeys(host);
  const key = await authorizeThere(host, config, JSON.stringify(keys));
  pin(host.files, address, key);
  setMixed(host, false);
  await renderAndReload(host);
  await agentClient(host.files.real(haPaths.agentSocket)).changed();
  return { address, fingerprint: fingerprint(key) };
}

/**
 * First contact: accepts any host key, as the older version did on every connection, and returns it. The caller pins the key only after
 * the backup has done its part.
 */
async function authorizeThere(host: Host, config: HaConfig, stdin: string): Promise<HostKey> {
  const { address, sshPort } = config.peer;
  const key = await seenHostKey(host, address, sshPort, timeoutMs).catch((error: unknown) => {
    if (error instanceof NethsecError) throw notAdopted(address, error.message);
    throw error;
  });
  // After an interruption the backup may have the new key already, and the old one may be restricted to the synchronisation.
  const identities = [haPaths.adminKey, config.sync.keyPath].flatMap((path) => ["-i", host.files.real(path)]);
  const target = ["-p", String(sshPort), `root@${address}`, "/usr/sbin/ns-ha authorize"];
  const argv: Argv = ["dbclient", "-T", ...identities, ...target];
  const result = await withKnownHost(host, address, key, (home) =>
    host.run(argv, { env: { HOME: home }, stdin, timeoutMs, ok: "any" }),
  );
  if (result.code === 0) return key;
  throw notAdopted(address, dbclientTrouble(result) ?? result.stderr.trim().split("\n").at(-1) ?? "");
}

function notAdopted(address: string, why: string): NethsecError {
  return new NethsecError({
    code: "backup_not_adopted",
    message: `The backup node ${address} could not be taken over: ${why === "" ? "it did not answer" : why}. The cluster goes on; nothing is synchronised yet.`,
    advice: `Install the same packages on ${address}, then run on this node: ns-ha adopt`,
  });
}

/** On the backup: `text` is the primary's message. Authorises the primary's keys, the synchronisation key with its forced command. */
export async function authorize(host: Host, text: string): Promise<void> {
  if (readHaConfig(host.uci)?.role !== "backup")
    throw new NethsecError({ code: "not_the_backup", message: "This node is not the backup of a cluster." });
  const keys = v.parse(v.pipe(v.string(), v.parseJson(), keysSchema), text);
  authorizeKeys(host.files, keys);
  host.uci.change((tx) => {
    const known = tx.load("keepalived").get("ha_peer", "ssh_pubkey") ?? "";
    if (withoutComment(known) !== keys.sync) tx.set("keepalived", "ha_peer", "ssh_pubkey", keys.sync);
    tx.set("keepalived", "ha_peer", "ssh_admin_pubkey", keys.admin);
  });
  setMixed(host, false);
  await renderAndReload(host);
}

/** Records whether the other node runs the older packages; `render-keepalived.ts` derives the VRRP priorities from it. */
function setMixed(host: Pick<Host, "uci">, mixed: boolean): void {
  host.uci.change((tx) => {
    if (mixed) tx.set("keepalived", "globals", "ns_mixed", "1");
    else if (tx.load("keepalived").get("globals", "ns_mixed") !== undefined)
      tx.delete("keepalived", "globals", "ns_mixed");
  });
}

/** On the backup, before the primary is downgraded to the older packages: those need a key that opens a shell, and use lower VRRP priorities. */
export async function unauthorize(host: Host): Promise<void> {
  const peer = host.uci.read("keepalived").section("ha_peer");
  const [sync, admin] = [peer?.get("ssh_pubkey"), peer?.get("ssh_admin_pubkey")];
  if (readHaConfig(host.uci)?.role !== "backup" || admin === undefined) return;
  revokeKeys(host.files, [sync, admin]);
  const others = host.files.readText(authorizedKeysPath) ?? "";
  if (sync !== undefined && sync !== "") host.files.write(authorizedKeysPath, `${others}${sync}\n`, { mode: 0o600 });
  host.uci.change((tx) => tx.delete("keepalived", "ha_peer", "ssh_admin_pubkey"));
  setMixed(host, true);
  await renderAndReload(host);
}

/**
 * Run before a downgrade to the older packages, on the primary first: removes what they do not know from this node, and has the backup authorise
 * the old key again. Virtual addresses stay where they are. Returns false on a node outside a cluster.
 */
export async function handBack(host: Host): Promise<boolean> {
  const config = readHaConfig(host.uci);
  if (config === undefined) return false;
  if (config.timing === "fast")
    throw new NethsecError({
      code: "timing_is_fast",
      message:
        "The older packages know the timing `classic` only; two nodes with different timings would both be master.",
      advice: "On the primary: ns-ha-config set-timing classic",
    });
  if (config.role === "backup") await unauthorize(host);
  // A failure is ignored: the backup may be off, or already handed back.
  else
    await sshRun(host, config, { key: "admin", command: "/usr/sbin/ns-ha unauthorize", timeoutMs }).catch(
      isNethsecError,
    );
  if (host.services.exists("ns-ha")) await host.services.call("ns-ha", "stop");
  if (config.role === "primary") {
    host.files.remove(haPaths.adminKey);
    host.files.remove(`${haPaths.sshHome}/.ssh`, { recursive: true });
  }
  // Restores the cron lines that this version suspended; the older version comments them out in its own format.
  const resumed = host.cron.resume(readServiceTable(host.uci.load("ns-ha")).flatMap(({ cron }) => cron));
  if (resumed && host.services.exists("cron")) await host.services.call("cron", "restart");
  host.uci.change((tx) => {
    for (const option of ["alt_config_file", "ns_timing", "ns_mixed"])
      if (tx.load("keepalived").get("globals", option) !== undefined) tx.delete("keepalived", "globals", option);
  });
  host.files.remove(adoptedPath);
  return true;
}

function isNethsecError(error: unknown): void {
  if (!(error instanceof NethsecError)) throw error;
}
