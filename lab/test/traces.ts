/** Finds leftovers of a lab: processes, namespaces, mounts, files, devices of the host. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { processesOfLab } from "../src/process.ts";
import { stateRoot } from "../src/state.ts";
import type { Lab } from "../src/lab.ts";
import { nodeNames } from "../src/topology.ts";

const kinds = ["net", "mnt", "pid", "uts", "ipc"] as const;

/** Names of the namespaces of a running lab's nodes, e.g. "net:[4026532281]". */
export function namespacesOf(lab: Lab): string[] {
  return nodeNames.flatMap((name) => {
    const init = lab.node(name).init();
    return init === undefined ? [] : kinds.map((kind) => readlinkSync(`/proc/${init.pid}/ns/${kind}`));
  });
}

/** Every namespace that a process on this machine is in. */
export function namespacesInUse(): Set<string> {
  const found = new Set<string>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    for (const kind of kinds) {
      try {
        found.add(readlinkSync(`/proc/${pid}/ns/${kind}`));
      } catch {
        // The process has ended meanwhile.
      }
    }
  }
  return found;
}

/** All leftovers of the lab; empty after a successful `down`. */
export function tracesOf(lab: string): string[] {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(`${stateRoot}/${lab}`) || line.includes(" lab-"));
  const files = existsSync(stateRoot)
    ? readdirSync(stateRoot).filter((file) => file === lab || file.startsWith(`${lab}.`))
    : [];
  return [
    ...processesOfLab(lab).map((pid) => `process ${pid}`),
    ...mounts.map((line) => `mount ${line}`),
    ...files.map((file) => `file ${file}`),
  ];
}

/** Properties of the host that a lab must not change. */
export function hostFacts(): Record<string, string> {
  const text = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");
  return {
    devices: readdirSync("/sys/class/net").join(" "),
    hostname: text("/proc/sys/kernel/hostname"),
    forwarding: text("/proc/sys/net/ipv4/ip_forward"),
    hosts: text("/etc/hosts"),
    resolver: text("/etc/resolv.conf"),
    accounts: text("/etc/passwd") + text("/etc/shadow"),
    authorities: text("/etc/ssl/certs/ca-certificates.crt"),
    configuration: existsSync("/etc/config") ? readdirSync("/etc/config").join(" ") : "none",
  };
}
