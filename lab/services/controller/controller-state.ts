/** What the lab's controller knows: its units, its port, what was told to it. Kept on the node's disk, so that it survives a reboot. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";

export const dir = "/etc/lab/controller";
const statePath = `${dir}/state.json`;
export const faultPath = `${dir}/fault`;

export interface Unit {
  readonly id: string;
  readonly name: string;
  readonly token: string;
  readonly approved: boolean;
  readonly revoked: boolean;
  /** From its last registration. */
  readonly registered?: {
    readonly at: number;
    readonly username: string;
    readonly password: string;
    readonly version: string;
    readonly unitName: string;
  };
}

export interface ControllerState {
  readonly units: readonly Unit[];
  /** UDP port of the OpenVPN server. */
  readonly port: number;
  /** Overrides the grant's fields, to see what a hostile controller can do. */
  readonly overrides: Readonly<Record<string, unknown>>;
  /** Count of registration requests by unit. */
  readonly requests: Readonly<Record<string, number>>;
}

const initial: ControllerState = { units: [], port: 1194, overrides: {}, requests: {} };

export function readController(): ControllerState {
  if (!existsSync(statePath)) return initial;
  const state: ControllerState = JSON.parse(readFileSync(statePath, "utf8"));
  return state;
}

export function updateController(change: (state: ControllerState) => ControllerState): ControllerState {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const next = change(readController());
  writeFileSync(`${statePath}.new`, JSON.stringify(next), { mode: 0o600 });
  renameSync(`${statePath}.new`, statePath);
  return next;
}

export function updateUnit(id: string, change: (unit: Unit) => Unit): void {
  updateController((state) => ({ ...state, units: state.units.map((unit) => (unit.id === id ? change(unit) : unit)) }));
}
