/**
 * `<DUMP_PATH>/.checkpoint`: the state from which the next daemon continues: the last totals of live flows and, as of the same moment, the complete
 * counters of the hours in memory. A dump takes effect at the moment the checkpoint is written; the hour files are copies made afterwards.
 *
 * Why a crash neither loses nor double-counts bytes: the file is replaced atomically. After a crash before the replacement the earlier checkpoint
 * holds, and the growth since then shows up again as growth of the totals. After a crash while hour files were being written, the counters in the
 * checkpoint are absolute: the next daemon writes them over whatever is there.
 * Pure: bytes in and out. Invariant: bytes that cannot be decoded completely are rejected as a whole.
 */
import { crc32 } from "@nethsec/host/files/digests";
import { BrokenBytes, ByteReader, ByteWriter } from "../store/byte-writer.ts";
import type { HourCounters } from "../store/hour-counters.ts";
import { decodeCounters, encodeHour } from "../store/hour-index.ts";
import type { HourKey } from "../store/hour-key.ts";
import type { Accounting } from "./accounting.ts";
import type { Waiting } from "./waiting-bytes.ts";
import { withHash, type FlowIdentity } from "./flow-event.ts";
import { Field, Flag } from "./flow-table.ts";
import type { Ledger } from "./ledger.ts";

/** "NSC2". */
const magic = 0x3243_534e;
/** "NSC1": before directions were kept; bytes that wait for an identity have two numbers for each hour. */
const magicWithoutDirections = 0x3143_534e;

/** Typical size of a flow in the file: digest 20, time stamps 16, numbers up to 12, its share of the names. */
const bytesPerFlow = 56;

export interface CheckpointState {
  readonly accounting: Accounting;
  readonly ledger: Ledger;
  /** Interface names; a flow's interface number is the index. */
  readonly interfaces: readonly string[];
}

/** Every hour of the ledger must have been merged with the disk before: the checkpoint's counters are absolute. */
export function encodeCheckpoint({ accounting, ledger, interfaces }: CheckpointState): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(accounting.flows.size * bytesPerFlow + 65_536);
  out.word(magic);
  out.double(accounting.knowsSince);
  // A guess is not stored: it depends on the machine's addresses, which are queried at each start.
  const undecided = accounting.externalCounts === undefined || accounting.isGuess;
  out.number(undecided ? 2 : Number(accounting.externalCounts));
  out.names(interfaces);
  const identities = writeIdentities(out, accounting);
  writeFlows(out, accounting, identities);
  out.number(ledger.hours.size);
  for (const [key, { counters }] of ledger.hours) {
    out.number(key);
    out.number(counters.unattributed);
    out.block(encodeHour(counters, { asOf: 0, hours: 0 }));
  }
  out.word(crc32(out.done()));
  return out.done();
}

export interface Checkpoint {
  /** The absolute counters of each hour. */
  readonly hours: ReadonlyMap<HourKey, HourCounters>;
  /** Inserts the flows into an accounting that has not processed any event; `interfaceNumber` maps names to numbers. */
  restoreFlows(accounting: Accounting, interfaceNumber: (name: string) => number): void;
}

/** undefined when the bytes are not a whole checkpoint. */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint | undefined {
  try {
    const end = bytes.length - 4;
    if (end < 0 || crc32(bytes.subarray(0, end)) !== new ByteReader(bytes.subarray(end)).word()) return undefined;
    return decode(new ByteReader(bytes));
  } catch (error) {
    if (error instanceof BrokenBytes) return undefined;
    throw error;
  }
}

function decode(input: ByteReader): Checkpoint {
  const version = input.word();
  if (version !== magic && version !== magicWithoutDirections) throw new BrokenBytes("not a checkpoint");
  const knowsSince = input.double();
  const external = input.number();
  const interfaces = input.names();
  const identities = readIdentities(input);
  const flows = Array.from({ length: input.number() }, () => readFlow(input, version));
  const hours = new Map<HourKey, HourCounters>();
  for (let left = input.number(); left > 0; left--) {
    const key = input.number();
    const unattributed = input.number();
    const counters = decodeCounters(input.block());
    if (counters === undefined) throw new BrokenBytes("bad hour");
    counters.unattributed = unattributed;
    hours.set(key, counters);
  }
  return {
    hours,
    restoreFlows(accounting, interfaceNumber) {
      accounting.knowsSince = knowsSince;
      accounting.externalCounts = external === 2 ? undefined : external === 1;
      const numbers = interfaces.map(interfaceNumber);
      for (const flow of flows) restoreFlow(accounting, flow, numbers[flow.interface] ?? 0, identities);
    },
  };
}

function writeIdentities(out: ByteWriter, { flows }: Accounting): Map<FlowIdentity, number> {
  const numbers = new Map<FlowIdentity, number>();
  const texts = new Map<string, number>();
  const numberOf = (text: string): number => {
    let number = texts.get(text);
    if (number === undefined) {
      number = texts.size + 1;
      texts.set(text, number);
    }
    return number;
  };
  for (let row = flows.after(-1); row >= 0; row = flows.after(row)) {
    const identity = flows.identity[row];
    if (identity === undefined || numbers.has(identity)) continue;
    numbers.set(identity, numbers.size + 1);
    numberOf(identity.client);
    numberOf(identity.protocol);
    numberOf(identity.application);
    if (identity.host !== undefined) numberOf(identity.host);
  }
  out.names([...texts.keys()]);
  out.number(numbers.size);
  for (const { client, protocol, application, host } of numbers.keys()) {
    for (const text of [client, protocol, application]) out.number(numberOf(text));
    out.number(host === undefined ? 0 : numberOf(host));
  }
  return numbers;
}

function readIdentities(input: ByteReader): FlowIdentity[] {
  const texts = input.names();
  const text = (number: number): string => {
    const found = texts[number - 1];
    if (found === undefined) throw new BrokenBytes("no such text");
    return found;
  };
  return Array.from({ length: input.number() }, () => {
    const [client, protocol, application] = [text(input.number()), text(input.number()), text(input.number())];
    const host = input.number();
    return withHash({ client, protocol, application, host: host === 0 ? undefined : text(host) });
  });
}

function writeFlows(out: ByteWriter, accounting: Accounting, identities: ReadonlyMap<FlowIdentity, number>): void {
  const { flows, waiting } = accounting;
  out.number(flows.size);
  for (let row = flows.after(-1); row >= 0; row = flows.after(row)) {
    for (let index = 0; index < 5; index++) out.word(flows.digestWord(row, index));
    out.number(flows.interfaceOf(row));
    out.number(flows.flags(row));
    out.number(flows.get(row, Field.total));
    out.number(flows.get(row, Field.skipped));
    out.double(flows.get(row, Field.firstSeen));
    out.double(flows.get(row, Field.lastSeen));
    const identity = flows.identity[row];
    out.number(identity === undefined ? 0 : (identities.get(identity) ?? 0));
    const waits = waiting.get(row);
    out.number(waits?.length ?? 0);
    if (waits !== undefined) for (const number of waits) out.number(number);
  }
}

interface SavedFlow {
  readonly digest: Uint32Array;
  readonly interface: number;
  readonly flags: number;
  readonly total: number;
  readonly skipped: number;
  readonly firstSeen: number;
  readonly lastSeen: number;
  readonly identity: number;
  readonly waiting: Waiting;
}

function readFlow(input: ByteReader, version: number): SavedFlow {
  return {
    digest: Uint32Array.from({ length: 5 }, () => input.word()),
    interface: input.number(),
    flags: input.number(),
    total: input.number(),
    skipped: input.number(),
    firstSeen: input.double(),
    lastSeen: input.double(),
    identity: input.number(),
    waiting: readWaiting(input, version),
  };
}

function readWaiting(input: ByteReader, version: number): Waiting {
  const numbers = Array.from({ length: input.number() }, () => input.number());
  if (version === magic) return numbers;
  return numbers.flatMap((number, index) => (index % 2 === 0 ? number : [number, 0, 0]));
}

function restoreFlow(
  accounting: Accounting,
  saved: SavedFlow,
  netInterface: number,
  identities: readonly FlowIdentity[],
): void {
  const { flows } = accounting;
  const row = flows.insert(saved.digest, netInterface);
  flows.setFlags(row, saved.flags | Flag.inUse);
  flows.set(row, Field.total, saved.total);
  flows.set(row, Field.skipped, saved.skipped);
  flows.set(row, Field.firstSeen, saved.firstSeen);
  flows.set(row, Field.lastSeen, saved.lastSeen);
  // The monotonic clock restarts with each process, so the time until a flow is stale restarts as well.
  flows.set(row, Field.touched, accounting.seconds);
  const identity = identities[saved.identity - 1];
  flows.identity[row] = identity === undefined ? undefined : accounting.intern(identity);
  if (saved.waiting.length > 0) accounting.waiting.set(row, saved.waiting);
}
