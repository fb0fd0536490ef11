/** What the lab's portal knows: systems by secret, alerts, inventories, backups. Kept on the node's disk, so that it survives a reboot. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";

const dir = "/etc/lab/portal";
const statePath = `${dir}/state.json`;
export const faultPath = `${dir}/fault`;
export const backupDir = `${dir}/backups`;

export interface PortalSystem {
  readonly plan: "community" | "enterprise";
  readonly secret: string;
  readonly uuid: string;
}

export interface PortalState {
  readonly systems: readonly PortalSystem[];
  /** In the order in which they came. */
  readonly alerts: readonly {
    readonly at: number;
    readonly lk: string;
    readonly alert_id: string;
    readonly status: string;
  }[];
  readonly heartbeats: readonly { readonly at: number; readonly lk: string }[];
  readonly inventories: readonly { readonly at: number; readonly lk: string; readonly data: unknown }[];
  /** Secrets whose key was given back. */
  readonly freed: readonly string[];
}

/** A lab starts with one system of each plan. */
const initial: PortalState = {
  systems: [
    { plan: "enterprise", secret: "lab-enterprise-secret", uuid: "0E1F2A3B-4C5D-6E7F-8091-A2B3C4D5E6F7" },
    { plan: "community", secret: "lab-community-secret", uuid: "c0ffee00-1234-4abc-8def-0123456789ab" },
  ],
  alerts: [],
  heartbeats: [],
  inventories: [],
  freed: [],
};

export function readPortal(): PortalState {
  if (!existsSync(statePath)) return initial;
  const state: PortalState = JSON.parse(readFileSync(statePath, "utf8"));
  return state;
}

export function updatePortal(change: (state: PortalState) => PortalState): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  writeFileSync(`${statePath}.new`, JSON.stringify(change(readPortal())), { mode: 0o600 });
  renameSync(`${statePath}.new`, statePath);
}
