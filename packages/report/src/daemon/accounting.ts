/**
 * Turns flow events into counters. Each byte that the agent reports is counted once, in the hour in which it was reported: the growth of a flow's
 * `total_bytes` since the last event about the flow (contract netifyd).
 * Pure: the caller passes the time by `setTime`. Invariants: counters never shrink; a total that goes down, repeats or comes late counts nothing;
 * bytes of a flow without identity wait for the identity, with the hours they belong to, and are unattributed while they wait.
 */
import { hourClock, type HourKey } from "../store/hour-key.ts";
import type { FlowEvent, FlowIdentity } from "./flow-event.ts";
import { Field, Flag, FlowTable } from "./flow-table.ts";
import type { Ledger } from "./ledger.ts";
import { Aliases } from "./aliases.ts";
import { WaitingBytes, waitingFields } from "./waiting-bytes.ts";

/** Rows of ended flows stay this long to absorb repeated events; only the newest ones, so that a flood of short flows leaves room. */
const purgedGraceSeconds = 60;
const maxPurged = 32_768;
/** Bounds memory: beyond this many flows, events of new flows add only their increments, as unattributed bytes. */
export const maxFlows = 500_000;
const maxIdentities = 100_000;
/** `agent_status` says every 15 s whether only external interfaces are captured; after this long without it, the accounting guesses. */
const decideSeconds = 60;

export class Accounting {
  readonly flows = new FlowTable();
  readonly waiting = new WaitingBytes();
  /**
   * Unix ms: the table knows every flow that began at or after this moment, so the whole total of such a flow is new. Moves
   * forward only when the table forgets flows that may be alive.
   */
  knowsSince: number;
  /**
   * The machine's own addresses. Without known roles an external interface may be the WAN, where traffic of the machine's own address is the
   * masqueraded traffic of all clients and belongs to none of them. undefined: not known yet; until then nothing is decided without roles.
   */
  ownAddresses: ReadonlySet<string> | undefined;
  /** External interfaces count as a guess: the agent did not report the interfaces' roles in time. */
  isGuess = false;
  events = 0;
  /** Milliseconds between the agent's time stamp of the last counters and now. */
  lag = 0;
  readonly #ledger: Ledger;
  readonly #hourAt = hourClock();
  /** Shared identity objects by hash. */
  readonly #identities = new Map<number, FlowIdentity>();
  #sweeps = 0;
  /** A ring of rows whose flow ended; a row may have been reused for another flow since. */
  readonly #purged = new Int32Array(maxPurged).fill(-1);
  #purgedNext = 0;
  readonly #aliases = new Aliases();
  readonly #other = new Uint32Array(5);
  #wall: number;
  /** Current time of the monotonic clock. */
  seconds = 0;
  #hour: HourKey;
  #undecidedSince: number | undefined;
  #externalCounts: boolean | undefined;

  /** `wall`: Unix ms now; flows that began earlier count as unknown. */
  constructor(ledger: Ledger, wall: number) {
    this.#ledger = ledger;
    this.knowsSince = wall;
    this.#wall = wall;
    this.#hour = this.#hourAt(wall);
  }

  /** Whether external interfaces count (no interface is internal); undefined until the stream shows it. */
  get externalCounts(): boolean | undefined {
    return this.#externalCounts;
  }

  set externalCounts(value: boolean | undefined) {
    this.#externalCounts = value;
    // On a WAN the machine's own public addresses carry the traffic of all clients.
    this.#ledger.countsLanPrefixes = value === false;
  }

  /** Called before each batch of events with the wall clock (Unix ms) and a monotonic clock (ms). */
  setTime(wall: number, monotonic: number): void {
    if (wall < this.#wall - 1000) this.#clockWasSetBack(wall);
    this.#wall = wall;
    this.seconds = Math.floor(monotonic / 1000);
    this.#hour = this.#hourAt(wall);
  }

  /** After the clock was set back, new flows carry earlier time stamps than known ones: stop comparing the known ones' stamps. */
  #clockWasSetBack(wall: number): void {
    this.knowsSince = Math.min(this.knowsSince, wall);
    for (let row = this.flows.after(-1); row >= 0; row = this.flows.after(row)) {
      this.#flag(row, Flag.timeless);
      this.flows.set(row, Field.lastSeen, 0);
    }
  }

  /** Called when `agent_status` reported the roles of all interfaces. */
  roles(hasInternal: boolean): void {
    this.isGuess = false;
    this.#decide(!hasInternal);
  }

  event(event: FlowEvent): void {
    this.events++;
    if (event.internal) {
      if (this.externalCounts !== false) this.#decide(false);
    } else if (this.externalCounts === false) return;
    else if (this.externalCounts === undefined) this.#waitForRoles();
    let row = this.#rowOf(event);
    if (row < 0) {
      if (this.flows.size >= maxFlows) {
        if (event.increment > 0) this.#ledger.addUnattributed(this.#hour, event.increment);
        return;
      }
      row = this.flows.insert(event.digest, event.interface);
      if (event.othersCount > 0) this.#remember(event);
      if (!event.internal) this.#flag(row, Flag.external);
    }
    this.flows.set(row, Field.touched, this.seconds);
    if (event.identity !== undefined) this.#announce(row, event, event.identity);
    const growth = Number.isNaN(event.total) && Number.isNaN(event.increment) ? 0 : this.#growth(row, event);
    // Also records zero growth when skipped bytes may later turn out to be new: they belong to this hour.
    if (growth > 0 || (this.flows.get(row, Field.skipped) > 0 && !this.waiting.has(row)))
      this.#countGrowth(row, event, growth);
    if (event.purge && !this.#has(row, Flag.purged)) this.#end(row);
  }

  #end(row: number): void {
    this.#flag(row, Flag.purged);
    const earliest = this.#purged[this.#purgedNext] ?? -1;
    this.#purged[this.#purgedNext] = row;
    this.#purgedNext = (this.#purgedNext + 1) % maxPurged;
    if (earliest >= 0 && earliest !== row && this.#has(earliest, Flag.purged) && !this.#undecided(earliest))
      this.#remove(earliest);
  }

  /** Removes the flow; bytes still waiting for its identity become unattributed for good. */
  #remove(row: number): void {
    this.#giveUp(row);
    this.flows.remove(row);
  }

  /** Forgets flows that ended or had no event for `staleSeconds`; bytes still waiting for their identity become unattributed for good. */
  sweep(staleSeconds: number): void {
    const { flows } = this;
    for (let row = flows.after(-1); row >= 0; row = flows.after(row)) {
      const age = this.seconds - flows.get(row, Field.touched);
      const purged = this.#has(row, Flag.purged);
      if (age <= (purged ? purgedGraceSeconds : staleSeconds) || this.#undecided(row)) continue;
      // The flow may be alive but idle: if it is announced later, treat it as one that began before the table knew all flows.
      if (!purged) this.knowsSince = Math.max(this.knowsSince, flows.get(row, Field.lastSeen) + 1);
      this.#remove(row);
    }
    this.#giveUpOld();
    this.#sweeps++;
    for (const identity of flows.identity) {
      if (identity === undefined || identity.sweep === this.#sweeps) continue;
      identity.sweep = this.#sweeps;
      this.#ledger.forget(identity);
    }
    for (const [hash, { sweep }] of this.#identities) if (sweep !== this.#sweeps) this.#identities.delete(hash);
  }

  /** Gives up waiting after the previous hour: such an identity never comes, and waiting bytes of unknown flows must not pile up. */
  #giveUpOld(): void {
    const previous = this.#hourAt(this.#wall - 3_600_000);
    this.waiting.forgetOld([previous, this.#hour], (row, hour, bytes) => {
      if (!this.#undecided(row)) this.#ledger.addUnattributed(hour, bytes);
    });
  }

  /** Bytes waiting for an identity, by the hour in which they were reported. */
  waitingByHour(): Map<HourKey, number> {
    return this.waiting.byHour();
  }

  /** Returns one shared object for equal identities, in most cases. */
  intern({ client, protocol, application, host, hash }: FlowIdentity): FlowIdentity {
    const known = this.#identities.get(hash);
    if (
      known !== undefined &&
      known.host === host &&
      known.application === application &&
      known.protocol === protocol &&
      known.client === client
    )
      return known;
    // Sharing saves memory only while identities repeat; when all differ, drop the shared ones.
    if (this.#identities.size >= maxIdentities) this.#identities.clear();
    const own = { client, protocol, application, host, hash, place: undefined, sweep: this.#sweeps };
    this.#identities.set(hash, own);
    return own;
  }

  #rowOf(event: FlowEvent): number {
    const row = this.flows.find(event.digest, event.interface);
    return row >= 0 || (event.othersCount === 0 && this.#aliases.size === 0) ? row : this.#rowByOthers(event);
  }

  /** Finds the flow by any of the event's digests and files it under the event's own digest. */
  #rowByOthers(event: FlowEvent): number {
    const { flows } = this;
    const known = this.#rowByAlias(event.digest, event.interface);
    if (known >= 0) return known;
    for (let index = 0; index < event.othersCount; index++) {
      const other = this.#otherDigest(event, index);
      const direct = flows.find(other, event.interface);
      const row = direct >= 0 ? direct : this.#rowByAlias(other, event.interface);
      if (row < 0) continue;
      for (let word = 0; word < 5; word++) other[word] = flows.digestWord(row, word);
      this.#aliases.set(other, event.digest, event.interface);
      flows.rename(row, event.digest);
      this.#remember(event);
      return row;
    }
    return -1;
  }

  /** Copies one of the event's other digests into a reused array. */
  #otherDigest({ others }: FlowEvent, index: number): Uint32Array {
    const other = this.#other;
    for (let word = 0; word < 5; word++) other[word] = others[5 * index + word] ?? 0;
    return other;
  }

  #rowByAlias(digest: Uint32Array, netInterface: number): number {
    const present = this.#aliases.get(digest, netInterface);
    return present === undefined ? -1 : this.flows.find(present, netInterface);
  }

  /** Makes all other digests of the event aliases of its own digest. */
  #remember(event: FlowEvent): void {
    const { digest } = event;
    for (let index = 0; index < event.othersCount; index++) {
      const other = this.#otherDigest(event, index);
      if (other.some((word, at) => word !== digest[at])) this.#aliases.set(other, digest, event.interface);
    }
  }

  #announce(row: number, event: FlowEvent, identity: FlowIdentity): void {
    const { flows } = this;
    const known = flows.get(row, Field.firstSeen);
    const timeless = this.#has(row, Flag.timeless) && known > 0;
    // A late event about an earlier flow with the same digest.
    if (event.firstSeen !== 0 && event.firstSeen < Math.abs(known) && !timeless) return;
    // Counters from before this flow's start belong to an earlier flow with the same digest; later ones already belong to this flow.
    const countedBefore = !this.#has(row, Flag.counted) || event.firstSeen > flows.get(row, Field.lastSeen);
    const later = timeless ? event.firstSeen !== 0 && event.firstSeen !== known : event.firstSeen > known;
    const another = later && (timeless || countedBefore) && (known > 0 || this.#has(row, Flag.counted));
    const isNew = known <= 0 || later;
    if (isNew) {
      const wholeIsNew = event.firstSeen >= this.knowsSince;
      if (another) this.#beginAgain(row);
      else if (wholeIsNew)
        this.#count(row, this.waiting.get(row)?.[0] ?? this.#hour, flows.get(row, Field.skipped), 0, 0);
      flows.set(row, Field.skipped, 0);
      flows.set(row, Field.firstSeen, event.firstSeen);
      if (wholeIsNew) this.#flag(row, Flag.wholeIsNew);
    }
    const had = flows.identity[row];
    if (had !== undefined && sameIdentity(had, identity)) return;
    flows.identity[row] = this.intern(identity);
    if (had === undefined) this.#settle(row);
  }

  /** Reuses the row for a new flow with the same digest; the earlier flow is over. */
  #beginAgain(row: number): void {
    const { flows } = this;
    // While external interfaces are undecided, the earlier flow's bytes keep waiting and go to the new identity.
    if (!this.#undecided(row)) this.#giveUp(row);
    flows.set(row, Field.total, 0);
    flows.set(row, Field.skipped, 0);
    flows.identity[row] = undefined;
    flows.setFlags(row, flows.flags(row) & (Flag.inUse | Flag.external));
  }

  /** Returns the bytes of this event that are not counted yet, and marks them as counted. */
  #growth(row: number, event: FlowEvent): number {
    const { flows } = this;
    // A late event about an earlier flow with the same digest.
    if (event.lastSeen !== 0 && event.lastSeen < flows.get(row, Field.firstSeen) && !this.#has(row, Flag.timeless))
      return 0;
    const seenBefore = flows.get(row, Field.lastSeen);
    const later = event.lastSeen > seenBefore;
    if (later) {
      flows.set(row, Field.lastSeen, event.lastSeen);
      this.lag = this.#wall - event.lastSeen;
    }
    const counted = flows.get(row, Field.total);
    if (Number.isNaN(event.total)) {
      if (!later && event.lastSeen !== 0) return 0;
      flows.set(row, Field.total, counted + event.increment);
      this.#flag(row, Flag.counted);
      return event.increment;
    }
    if (this.#has(row, Flag.counted)) {
      const ended = later && (event.total < counted || this.#has(row, Flag.purged));
      if (!ended) return this.#grow(row, event.total);
      // A new flow reuses the digest; its announcement has not come yet.
      this.#beginAgain(row);
      flows.set(row, Field.firstSeen, -seenBefore);
      if (seenBefore >= this.knowsSince) this.#flag(row, Flag.wholeIsNew);
    }
    this.#flag(row, Flag.counted);
    if (this.#has(row, Flag.wholeIsNew)) return this.#grow(row, event.total);
    // This flow's start is unknown (so far): only the increment since the agent's last event is certainly new.
    const growth = Number.isNaN(event.increment) ? 0 : Math.min(event.increment, event.total);
    flows.set(row, Field.total, event.total);
    if (flows.get(row, Field.firstSeen) <= 0) flows.set(row, Field.skipped, event.total - growth);
    return growth;
  }

  #grow(row: number, total: number): number {
    const growth = total - this.flows.get(row, Field.total);
    if (growth <= 0) return 0;
    this.flows.set(row, Field.total, total);
    return growth;
  }

  /**
   * Counts growth of this hour, with its directions: the agent tells totals without them, and increments with. They are those of the growth when the two
   * are equal, and of its last part when events before were missed. Only `flow_stats` may be taken for a part: the increments of `flow_dpi_…` may not be
   * in the total yet, and those of `flow_purge` may be the last event's once more (contract netifyd5, "trap" and "note").
   */
  #countGrowth(row: number, event: FlowEvent, growth: number): void {
    const { increment } = event;
    const isPart = increment < growth && !event.purge && event.identity === undefined;
    if (increment === growth || isPart) this.#count(row, this.#hour, growth, increment - event.upload, event.upload);
    else this.#count(row, this.#hour, growth, 0, 0);
  }

  #count(row: number, hour: HourKey, bytes: number, download: number, upload: number): void {
    const identity = this.flows.identity[row];
    if (identity !== undefined && !this.#undecided(row)) {
      if (this.isGuess && this.#has(row, Flag.external) && this.ownAddresses?.has(identity.client) === true)
        this.#ledger.addNotAClient(hour, bytes);
      else this.#ledger.add(hour, identity, bytes, download, upload);
      return;
    }
    this.waiting.add(row, hour, bytes, download, upload);
  }

  /** Attributes the bytes that waited for the flow's identity. */
  #settle(row: number): void {
    const waits = this.waiting.get(row);
    if (waits === undefined || this.#undecided(row)) return;
    this.waiting.delete(row);
    for (let at = 0; at < waits.length; at += waitingFields)
      this.#count(row, waits[at] ?? 0, waits[at + 1] ?? 0, waits[at + 2] ?? 0, waits[at + 3] ?? 0);
  }

  #giveUp(row: number): void {
    const waits = this.waiting.get(row);
    if (waits === undefined) return;
    this.waiting.delete(row);
    for (let at = 0; at < waits.length; at += waitingFields)
      this.#ledger.addUnattributed(waits[at] ?? 0, waits[at + 1] ?? 0);
  }

  #waitForRoles(): void {
    this.#undecidedSince ??= this.seconds;
    if (this.seconds - this.#undecidedSince < decideSeconds || this.ownAddresses === undefined) return;
    this.isGuess = true;
    this.#decide(true);
  }

  /** Counts NAT'd traffic on one side only: external interfaces count only when no interface is internal. */
  #decide(externalCounts: boolean): void {
    if (this.externalCounts === externalCounts) return;
    this.externalCounts = externalCounts;
    this.#undecidedSince = undefined;
    for (let row = this.flows.after(-1); row >= 0; row = this.flows.after(row)) {
      if (!this.#has(row, Flag.external)) continue;
      if (externalCounts) {
        if (this.flows.identity[row] !== undefined) this.#settle(row);
        continue;
      }
      this.waiting.delete(row);
      this.flows.remove(row);
    }
  }

  #undecided(row: number): boolean {
    return this.externalCounts === undefined && this.#has(row, Flag.external);
  }

  #has(row: number, flag: number): boolean {
    return (this.flows.flags(row) & flag) !== 0;
  }

  #flag(row: number, flag: number): void {
    this.flows.setFlags(row, this.flows.flags(row) | flag);
  }
}

function sameIdentity(a: FlowIdentity, b: FlowIdentity): boolean {
  return a.host === b.host && a.application === b.application && a.protocol === b.protocol && a.client === b.client;
}
