/** What the reader passes to the accounting: one event about one flow, in the same form for both dialects. */

import type { Cell, ClientHour } from "../store/hour-counters.ts";
import type { HourKey } from "../store/hour-key.ts";

export interface FlowEvent {
  /** The interface's number, from {@link Names}: digests are unique on one interface only. */
  interface: number;
  /** Whether netifyd captures on this interface for the local network (role LAN). */
  internal: boolean;
  /** 160 bits of the digest. */
  readonly digest: Uint32Array;
  /** Unix ms on the agent's clock; 0 when not in the event. */
  firstSeen: number;
  lastSeen: number;
  /** `flow` and `flow_dpi_…`: the flow's client and names. The reader may reuse the object for the next event. */
  identity: FlowIdentity | undefined;
  /** `flow_stats`, `flow_status`, `flow_purge`, `flow_dpi_…`: bytes since the last event; NaN when the event has no counters. */
  increment: number;
  /**
   * The part of `increment` that the local end sent; the other end sent the rest, which is the client's download. (Contract netifyd5: `local_bytes` are
   * "bytes sent by the local end", `other_bytes` "the same for the other end".)
   */
  upload: number;
  /** Bytes since the flow began; NaN when not in the event. */
  total: number;
  /** `flow_purge`: the last event about this flow. */
  purge: boolean;
  /**
   * 5.x agents change a flow's digest when they detect more about the flow, and list its other digests in an order that differs between releases:
   * five words each, the first `othersCount` are valid.
   */
  readonly others: Uint32Array;
  othersCount: number;
}

/** From a longer list the first and the last digests are taken; agents send two to four. */
export const maxOthers = 16;

/** Names in lower case, as in the hour files. */
export interface Names {
  /** The flow's local address as netifyd writes it. */
  readonly client: string;
  readonly protocol: string;
  readonly application: string;
  /** undefined: the flow has no host name. */
  readonly host: string | undefined;
}

export interface FlowIdentity extends Names {
  /** Hash of the names; see {@link namesHash}. */
  readonly hash: number;
  /** Where the ledger last added bytes for this identity; saves looking up the names for each event. */
  place: Place | undefined;
  /** Used by the accounting: number of the last sweep that found a flow with this identity. */
  sweep: number;
}

export interface Place {
  readonly hour: HourKey;
  readonly generation: number;
  /** undefined: the address is not a client's. */
  readonly client: ClientHour | undefined;
  readonly protocol: Cell;
  readonly application: Cell;
  /** undefined: the flow has no host name. */
  readonly host: Cell | undefined;
}

/** The hash of a text, for {@link namesHash}. */
export function textHash(text: string): number {
  let hash = text.length;
  for (let at = 0; at < text.length; at++) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0;
  return hash;
}

/** Combines the hashes of an identity's names; `host` is 0 when there is no host name. */
export function namesHash(client: number, protocol: number, application: number, host: number): number {
  const mixed = Math.imul(client, 0x9e3779b1) ^ Math.imul(protocol, 0x85ebca6b) ^ Math.imul(application, 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 15)) + Math.imul(host, 0x27d4eb2f)) | 0;
}

export function withHash(names: Names): FlowIdentity {
  const { client, protocol, application, host } = names;
  const hash = namesHash(
    textHash(client),
    textHash(protocol),
    textHash(application),
    host === undefined ? 0 : textHash(host),
  );
  return { client, protocol, application, host, hash, place: undefined, sweep: 0 };
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
    upload: 0,
    total: Number.NaN,
    purge: false,
    others: new Uint32Array(5 * maxOthers),
    othersCount: 0,
  };
}
