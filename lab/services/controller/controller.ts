/** Dependencies shared by the parts of the controller's API. */
import type { StateStore, Unit } from "./controller-state.ts";
import type { RateLimit } from "./rate-limit.ts";
import type { Reports } from "./tables.ts";

/** Certificates and connections of units. */
export interface Certifier {
  has(id: string): boolean;
  issue(id: string, vpnAddress: string): void;
  revoke(id: string): void;
  disconnect(id: string): void;
  material(id: string): { readonly ca: string; readonly cert: string; readonly key: string };
}

export interface Controller {
  readonly state: StateStore;
  readonly authority: Certifier;
  readonly reports: Reports;
  readonly limit: RateLimit;
  /** Called for each dump that was stored. */
  readonly accepted: (unit: string, dump: string, body: Uint8Array) => void;
  /** Sends JSON to the unit's web interface and returns the body of the answer; undefined when the unit does not answer. */
  readonly askUnit: (unit: Unit, path: string, body: unknown, token?: string) => Promise<Uint8Array | undefined>;
  /** ms since 1970. */
  readonly now: () => number;
  readonly nextAddress: (units: readonly Unit[]) => string;
}
