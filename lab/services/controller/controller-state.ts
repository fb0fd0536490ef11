/** State of the lab's controller: units, their credentials and facts, its port, overrides. Kept on the node's disk, so that it survives a reboot. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";

export const dir = "/etc/lab/controller";
const statePath = `${dir}/state.json`;
export const faultPath = `${dir}/fault`;

/** A row of the table of units. */
export interface Unit {
  readonly id: string;
  readonly name: string | null;
  /** The facts that the unit pushed last. */
  readonly info: Readonly<Record<string, string | number>> | null;
  /** Reserved when the administrator adds the unit. */
  readonly vpnAddress: string | null;
}

export interface Registered {
  readonly username: string;
  readonly password: string;
  /** ms since 1970: the last registration that was accepted. */
  readonly at: number;
  readonly version: string;
  readonly unitName: string;
}

export interface ControllerState {
  /** Registration token: one for all units. */
  readonly token: string;
  /** Stands in for the administrator's JWT and for the metrics collector's password. */
  readonly adminToken: string;
  /** Whether the controller has a subscription: only units that have one as well (or none as well) may join. */
  readonly subscription: boolean;
  /** Client addresses that may use the whole API at the public address, others may only register; null: all may. */
  readonly allowList: readonly string[] | null;
  /** Unit names given by `lab-controller`, by id; also for units that are not added yet. */
  readonly names: Readonly<Record<string, string>>;
  readonly units: readonly Unit[];
  /** Credentials by unit: those of its first registration. */
  readonly credentials: Readonly<Record<string, Registered>>;
  /** UDP port of the OpenVPN server. */
  readonly port: number;
  /** Overrides the grant's fields, to see what a hostile controller can do. */
  readonly overrides: Readonly<Record<string, unknown>>;
}

export const newState = (): ControllerState => ({
  token: randomBytes(32).toString("hex"),
  adminToken: randomBytes(32).toString("hex"),
  subscription: false,
  allowList: null,
  names: {},
  units: [],
  credentials: {},
  port: 20000,
  overrides: {},
});

/** Where an API keeps its state: the node's disk, or a test's memory. */
export interface StateStore {
  read(): ControllerState;
  update(change: (state: ControllerState) => ControllerState): void;
}

export const diskState: StateStore = {
  read: () => {
    if (!existsSync(statePath)) diskState.update((state) => state);
    const state: ControllerState = JSON.parse(readFileSync(statePath, "utf8"));
    return state;
  },
  update: (change) => {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const next = change(existsSync(statePath) ? diskState.read() : newState());
    writeFileSync(`${statePath}.new`, JSON.stringify(next), { mode: 0o600 });
    renameSync(`${statePath}.new`, statePath);
  },
};

export function memoryState(initial: Partial<ControllerState>): StateStore {
  let state = { ...newState(), ...initial };
  return { read: () => state, update: (change) => void (state = change(state)) };
}

export const updateUnit = (store: StateStore, id: string, change: (unit: Unit) => Unit): void =>
  store.update((state) => ({ ...state, units: state.units.map((unit) => (unit.id === id ? change(unit) : unit)) }));
