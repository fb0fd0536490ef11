/** What the parts of the controller's API share. */
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
  /** Told of each dump that was stored. */
  readonly accepted: (unit: string, dump: string, body: Uint8Array) => void;
  /** Sends JSON to the unit's web interface; the body of its answer, undefined without one. */
  readonly askUnit: (unit: Unit, path: string, body: unknown, token?: string) => Promise<Uint8Array | undefined>;
  /** ms since 1970. */
  readonly now: () => number;
  readonly nextAddress: (units: readonly Unit[]) => string;
}
