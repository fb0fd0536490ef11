/** What the reader hands to the accounting: one event about one flow, both dialects in one shape. */

import type { Cell, ClientHour } from "../hour-counters.ts";
import type { HourKey } from "../hour-key.ts";

export interface FlowEvent {
  /** The interface's number, from {@link Names}: digests are unique on one interface only. */
  interface: number;
  /** Whether netifyd captures there for the local network (role LAN). */
  internal: boolean;
  /** 160 bits of the digest. */
  readonly digest: Uint32Array;
  /** Unix ms on the agent's clock; 0 when the event does not say. */
  firstSeen: number;
  lastSeen: number;
  /** `flow` and `flow_dpi_…`: who and what. */
  identity: FlowIdentity | undefined;
  /** `flow_stats`, `flow_status`, `flow_purge`, `flow_dpi_…`: bytes since the last event; NaN when the event has no counters. */
  increment: number;
  /** Bytes since the flow began; NaN when the event does not say. */
  total: number;
  /** `flow_purge`: the last event about this flow. */
  purge: boolean;
  /** 5.x: a flow whose digest changed keeps being told by its first one. */
  alias: Uint32Array | undefined;
}

/** Names in lower case, as in the hour files. */
export interface FlowIdentity {
  /** The flow's local address as netifyd writes it. */
  readonly client: string;
  readonly protocol: string;
  readonly application: string;
  /** undefined: the flow names no host. */
  readonly host: string | undefined;
  /** The ledger's note where it last added for this identity; saves looking the names up for each event. */
  place?: Place;
}

export interface Place {
  readonly hour: HourKey;
  readonly generation: number;
  /** undefined: the address is not a client's. */
  readonly client: ClientHour | undefined;
  readonly cells: readonly Cell[];
}

export function emptyEvent(): FlowEvent {
  return {
    interface: 0,
    internal: false,
    digest: new Uint32Array(5),
    firstSeen: 0,
    lastSeen: 0,
    identity: undefined,
    increment: Number.NaN,
    total: Number.NaN,
    purge: false,
    alias: undefined,
  };
}
