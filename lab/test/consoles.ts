/** Helpers that run commands on the firewalls of a lab and return their output. */
import type { Lab } from "../src/lab.ts";
import { until } from "@nethsec/host/testing/until";

export type Firewall = "primary" | "backup";

export interface Typed {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Consoles {
  /** Exit code, stdout and stderr of a shell command line run on a node. */
  readonly typed: (node: Firewall, line: string) => Promise<Typed>;
  /** Runs a command line that must succeed; returns its stdout. */
  readonly good: (node: Firewall, line: string) => Promise<string>;
  /** IPv4 addresses of a device, in CIDR notation, a line each. */
  readonly addresses: (node: Firewall, device: string) => Promise<string>;
  /** /etc/config/keepalived */
  readonly config: (node: Firewall) => Promise<string>;
  /** VRRP state as printed by `ns-ha-config status`. */
  readonly state: (node: Firewall) => Promise<string>;
  readonly inState: (node: Firewall, wanted: string) => Promise<unknown>;
}

export function consoles(lab: () => Lab): Consoles {
  const typed = async (node: Firewall, line: string): Promise<Typed> => {
    const { code, stdout, stderr } = await lab().exec(node, ["sh", "-c", line], { ok: "any", timeoutMs: 60_000 });
    return { code, out: stdout, err: stderr };
  };
  const good = async (node: Firewall, line: string): Promise<string> => {
    const { code, out, err } = await typed(node, line);
    if (code !== 0) throw new Error(`${line}: exit code ${code}\n${out}${err}`);
    return out;
  };
  const state = async (node: Firewall): Promise<string> =>
    (JSON.parse(await good(node, "ns-ha-config status --json")) as { state: string }).state;
  return {
    typed,
    good,
    addresses: (node, device) => lab().sh(node, `ip -4 -o address show dev ${device} | awk '{ print $4 }'`),
    config: (node) => lab().sh(node, "cat /etc/config/keepalived"),
    state,
    inState: (node, wanted) =>
      until(async () => (await state(node)) === wanted, {
        what: `${node} is ${wanted}`,
        timeoutMs: 20_000,
        everyMs: 100,
      }),
  };
}
