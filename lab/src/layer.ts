/**
 * Builds the overlay layer over the host's root in a node: folders copied from the checkout, folders of the host to hide, and files
 * generated for each lab (root's password, hosts, certificates).
 */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { labEnvironment, run } from "./namespace.ts";
import type { State } from "./state.ts";
import { makeAuthority, makeServerCertificate, type Authority } from "./tls.ts";
import { rootPassword, wired, type Kind, type NodePlan } from "./topology.ts";

/** The checkout that this program runs from. */
export const checkout: string = dirname(dirname(import.meta.dirname));

/** The executable under test; undefined until it has been built. */
export function builtExecutable(): string | undefined {
  const path = `${checkout}/dist/nethsec`;
  return existsSync(path) ? path : undefined;
}

/** Folder of a kind of node, with `rootfs` (copied over the root), `build` (adds files) and `boot` (starts services). */
export function kindFolder(kind: Kind): string {
  return `${checkout}/lab/${kind === "controller" || kind === "portal" ? `services/${kind}` : kind}`;
}

/** Host folders hidden in every node: users' files, and configuration of services that the nodes provide themselves. */
const hiddenEverywhere = [
  "/root",
  "/home",
  "/srv",
  "/media",
  "/boot",
  "/opt",
  "/etc/ssh",
  "/etc/dnsmasq.d",
  "/etc/cron.d",
  "/etc/network",
];
const hiddenOnFirewalls = [
  "init.d",
  "rc.d",
  "config",
  "crontabs",
  "hotplug.d",
  "keepalived",
  "conntrackd",
  "openvpn",
  "dropbear",
  "sysctl.d",
  "profile.d",
  "rsyslog.d",
  "netdata",
].map((name) => `/etc/${name}`);

export function hiddenFolders(kind: Kind): readonly string[] {
  return kind === "firewall" ? [...hiddenEverywhere, ...hiddenOnFirewalls] : hiddenEverywhere;
}

/**
 * Fills `layer`, the overlay over the host's root in this node: the kind's `rootfs`, files added by its `build FOLDER` (which reads the
 * node's environment), and files generated for this lab. `passwordHash` is root's, in crypt(3) form.
 */
async function writeLayer(
  layer: string,
  env: Readonly<Record<string, string>>,
  plan: NodePlan,
  plans: readonly NodePlan[],
  authority: Authority,
  passwordHash: string,
): Promise<void> {
  const folder = kindFolder(plan.kind);
  for (const path of ["bin", "sbin", "lib"]) keepMerged(layer, path);
  // Files of the product's packages first; the lab's own files override them.
  if (plan.kind === "firewall") await copyOver(`${checkout}/system/openwrt`, layer, env);
  if (existsSync(`${folder}/rootfs`)) await copyOver(`${folder}/rootfs`, layer, env);
  if (existsSync(`${folder}/build`))
    await run([`${folder}/build`, layer], {
      timeoutMs: 10_000,
      env: { ...env, ...plan.env, LAB_NODE: plan.name, LAB_ROOT: checkout },
    });
  const executable = builtExecutable();
  if (plan.kind === "firewall" && executable !== undefined)
    await run([executable, "install-links", "--root", layer], { timeoutMs: 10_000, env });
  const put = (path: string, text: string, mode = 0o644): void => {
    mkdirSync(dirname(layer + path), { recursive: true, mode: 0o755 });
    // Writing through a link would change a file of the host.
    rmSync(layer + path, { force: true });
    writeFileSync(layer + path, text, { mode });
  };
  put("/etc/hostname", `${plan.name}\n`);
  put("/etc/hosts", hostsFile(plan));
  put("/etc/shadow", shadowFile(passwordHash), 0o600);
  put("/etc/ssl/certs/ca-certificates.crt", authority.bundle);
  if (plan.kind !== "firewall" && plan.kind !== "client") {
    put("/etc/resolv.conf", "nameserver 192.0.2.1\n");
    await makeServerCertificate(authority, plan, layer, env);
  }
  if (plan.kind === "internet") put("/etc/lab/hosts", plans.map((each) => nameLine(each)).join(""));
}

/**
 * Copies a folder over another, owned by root; follows existing links to folders (/lib). Normalises modes to those that git stores: an archive
 * of the checkout, or a checkout made with another umask, has different ones (and rsync cannot change modes behind a link).
 */
async function copyOver(from: string, layer: string, env: Readonly<Record<string, string>>): Promise<void> {
  const modes = "--chmod=D755,Fu=rwX,Fgo=rX";
  await run(["rsync", "--recursive", "--links", "--perms", modes, "--keep-dirlinks", `${from}/`, `${layer}/`], {
    timeoutMs: 10_000,
    env,
  });
}

/** Merged /usr: where the host's /sbin is a link to usr/sbin, recreates the link in the layer, so that files for /sbin go to its target. */
function keepMerged(layer: string, path: string): void {
  if (!lstatSync(`/${path}`).isSymbolicLink()) return;
  const target = readlinkSync(`/${path}`).replace(/^\//, "");
  mkdirSync(`${layer}/${target}`, { recursive: true, mode: 0o755 });
  symlinkSync(target, `${layer}/${path}`);
}

/** Root's password as sha256-crypt. */
async function hashRootPassword(env: Readonly<Record<string, string>>): Promise<string> {
  const { stdout } = await run(["openssl", "passwd", "-5", "-stdin"], { timeoutMs: 5000, stdin: rootPassword, env });
  return stdout.trim();
}

/** /etc/shadow: root with the lab's password, all other accounts of the host locked. */
function shadowFile(passwordHash: string): string {
  const names = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .flatMap((line) => line.split(":")[0] || []);
  return names.map((name) => `${name}:${name === "root" ? passwordHash : "*"}:19000:0:99999:7:::\n`).join("");
}

function hostsFile(plan: NodePlan): string {
  return `127.0.0.1 localhost\n::1 localhost\n127.0.1.1 ${plan.name}\n`;
}

function nameLine(plan: NodePlan): string {
  const address = wired(plan)
    .find((each) => each.address !== undefined && each.network === "net")
    ?.address?.split("/")[0];
  const names = [...plan.names];
  return address === undefined || names.length === 0 ? "" : `${address} ${names.join(" ")}\n`;
}

/** The layers of all nodes, and the lab's certificates. */
export async function writeLayers(state: State, plans: readonly NodePlan[]): Promise<void> {
  // Some daemons of the nodes do not run as root: do not inherit a stricter umask.
  process.umask(0o022);
  // Marks child processes as part of the lab, so that `sweep` finds them after an interruption.
  const env = labEnvironment(state.name);
  const [authority, passwordHash] = await Promise.all([makeAuthority(`${state.dir}/tls`, env), hashRootPassword(env)]);
  await Promise.all(
    plans.map((plan) => {
      const layer = `${state.nodeDir(plan.name)}/layer`;
      mkdirSync(layer, { recursive: true });
      return writeLayer(layer, env, plan, plans, authority, passwordHash);
    }),
  );
}
