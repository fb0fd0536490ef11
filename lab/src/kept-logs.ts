/**
 * Keeps the logs of a lab that failed to start. The lab itself is removed, so they are copied to /run/nethsec-lab/NAME.failed, one folder per node.
 * The next `up` or `down` of that name removes them.
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { insideHolder } from "./fabric.ts";
import { stateRoot, type State } from "./state.ts";
import type { NodePlan } from "./topology.ts";

/** Bytes kept of each file, from its end. */
const maxBytes = 1024 * 1024;
const suffix = ".failed";

/** The folder for logs of a failed start of that lab; it need not exist. */
export function keptLogs(name: string): string {
  return `${stateRoot}/${name}${suffix}`;
}

/** Copies the power supply's log and everything in /var/log of each node. Returns the folder; undefined when there was nothing to keep. */
export function keepLogs(state: State, plans: readonly NodePlan[]): string | undefined {
  const target = keptLogs(state.name);
  removeKeptLogs(state.name);
  const holder = state.settings()?.holder;
  for (const { name } of plans) {
    const dir = state.nodeDir(name);
    const logs = holder === undefined ? undefined : insideHolder(holder, `${dir}/volatile/log`);
    const files = [
      `${dir}/power.log`,
      `${dir}/messages.old`,
      ...(logs !== undefined && existsSync(logs) ? readdirSync(logs).map((file) => `${logs}/${file}`) : []),
    ];
    for (const file of files) keep(file, `${target}/${name}`);
  }
  return existsSync(target) ? target : undefined;
}

export function removeKeptLogs(name: string): boolean {
  const there = existsSync(keptLogs(name));
  rmSync(keptLogs(name), { recursive: true, force: true });
  return there;
}

/** Names of the labs with logs of a failed start. */
export function labsWithKeptLogs(): string[] {
  if (!existsSync(stateRoot)) return [];
  return readdirSync(stateRoot)
    .filter((name) => name.endsWith(suffix))
    .map((name) => name.slice(0, -suffix.length));
}

/** Skips empty files, and links, which would be resolved on the host instead of the node. */
function keep(file: string, folder: string): void {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isFile() || stat.size === 0) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/${file.slice(file.lastIndexOf("/") + 1)}`, readFileSync(file).subarray(-maxBytes));
}
