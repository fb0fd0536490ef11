/**
 * Events in, counters out. Each byte that the agent reports is counted once, for the hour in which it was reported: what counts is the
 * growth of a flow's `total_bytes` since the last event about it (contract netifyd).
 * Pure: time comes in by `setTime`. Invariants: counters never shrink; a total that goes down, repeats or comes late counts nothing; bytes
 * of a flow without identity wait for it, with the hours they belong to, and are unattributed as long as they wait.
 */
import { hourClock, type HourKey } from "../store/hour-key.ts";
import type { FlowEvent, FlowIdentity } from "./flow-event.ts";
import { Field, Flag, FlowTable } from "./flow-table.ts";
import type { Ledger } from "./ledger.ts";
import { Aliases } from "./aliases.ts";

/** Rows of ended flows stay this long, for events that repeat; the newest ones only, so that a flood of short flows leaves room. */
const purgedGraceSeconds = 60;
const maxPurged = 32_768;
/** Beyond this many flows new ones are counted by their increments, as unattributed: memory stays bounded. */
export const maxFlows = 500_000;
const maxIdentities = 100_000;
/** Whether only external interfaces are captured is told by `agent_status` every 15 s; agents that do not say have this long. */
const decideSeconds = 60;

/** Bytes that wait, as pairs: hour, bytes, hour, bytes, … */
export type Waiting = number[];

export class Accounting {
  readonly flows = new FlowTable();
  readonly waiting = new Map<number, Waiting>();
  /**
   * Unix ms: this table knows every flow that began at or after it, so that the whole total of such a flow is new. Moves
   * forward only when the table forgets flows that may be alive.
   */
  knowsSince: number;
  /** Whether external interfaces count (none is internal); undefined until the stream tells. */
  externalCounts: boolean | undefined;
  /**
   * The machine's own addresses. Where nobody told the roles of interfaces, an external one may be the WAN: what goes by the machine's own address
   * there is the masqueraded traffic of all, and no client's. undefined: not known yet; then nothing is decided without roles.
   */
  ownAddresses: ReadonlySet<string> | undefined;
  /** External interfaces count because nobody told their roles for so long. */
  isGuess = false;
  events = 0;
  /** Milliseconds between the agent's time stamp of the last counters and now. */
  lag = 0;
  private readonly ledger: Ledger;
  private readonly hourAt = hourClock();
  /** By hash. */
  private readonly identities = new Map<number, FlowIdentity>();
  private sweeps = 0;
  /** A ring of rows whose flow ended; they may have been given to other flows since. */
  private readonly purged = new Int32Array(maxPurged).fill(-1);
  private purgedNext = 0;
  private readonly aliases = new Aliases();
  private readonly other = new Uint32Array(5);
  private wall: number;
  /** Of the monotonic clock, now. */
  seconds = 0;
  private hour: HourKey;
  private undecidedSince: number | undefined;

  /** `wall`: Unix ms now: flows that began earlier are unknown here. */
  constructor(ledger: Ledger, wall: number) {
    this.ledger = ledger;
    this.knowsSince = wall;
    this.wall = wall;
    this.hour = this.hourAt(wall);
  }

  /** Before each batch of events: wall clock (Unix ms) and a clock that only grows (ms). */
  setTime(wall: number, monotonic: number): void {
    if (wall < this.wall - 1000) this.clockWasSetBack(wall);
    this.wall = wall;
    this.seconds = Math.floor(monotonic / 1000);
    this.hour = this.hourAt(wall);
  }

  /** Flows that begin now carry earlier time stamps than flows that are known. */
  private clockWasSetBack(wall: number): void {
    this.knowsSince = Math.min(this.knowsSince, wall);
    for (let row = this.flows.after(-1); row >= 0; row = this.flows.after(row)) {
      this.flag(row, Flag.timeless);
      this.flows.set(row, Field.lastSeen, 0);
    }
  }

  /** `agent_status` told the roles of all interfaces. */
  roles(hasInternal: boolean): void {
    this.isGuess = false;
    this.decide(!hasInternal);
  }

  event(event: FlowEvent): void {
    this.events++;
    if (event.internal) {
      if (this.externalCounts !== false) this.decide(false);
    } else if (this.externalCounts === false) return;
    else if (this.externalCounts === undefined) this.waitForRoles();
    let row = this.rowOf(event);
    if (row < 0) {
      if (this.flows.size >= maxFlows) {
        if (event.increment > 0) this.ledger.addUnattributed(this.hour, event.increment);
        return;
      }
      row = this.flows.insert(event.digest, event.interface);
      if (event.othersCount > 0) this.remember(event);
      if (!event.internal) this.flag(row, Flag.external);
    }
    this.flows.set(row, Field.touched, this.seconds);
    if (event.identity !== undefined) this.announce(row, event, event.identity);
    const growth = Number.isNaN(event.total) && Number.isNaN(event.increment) ? 0 : this.growth(row, event);
    // A zero is noted too when bytes before it may turn out to be new: they belong to this hour.
    if (growth > 0 || (this.flows.get(row, Field.skipped) > 0 && !this.waiting.has(row)))
      this.count(row, this.hour, growth);
    if (event.purge && !this.has(row, Flag.purged)) this.end(row);
  }

  private end(row: number): void {
    this.flag(row, Flag.purged);
    const earliest = this.purged[this.purgedNext] ?? -1;
    this.purged[this.purgedNext] = row;
    this.purgedNext = (this.purgedNext + 1) % maxPurged;
    if (earliest >= 0 && earliest !== row && this.has(earliest, Flag.purged) && !this.undecided(earliest))
      this.remove(earliest);
  }

  /** What waited for the flow's identity is unattributed for good. */
  private remove(row: number): void {
    this.giveUp(row);
    this.flows.remove(row);
  }

  /** Forgets flows that ended, and those not heard of for `staleSeconds`; what waited for their identity is unattributed for good. */
  sweep(staleSeconds: number): void {
    const { flows } = this;
    for (let row = flows.after(-1); row >= 0; row = flows.after(row)) {
      const age = this.seconds - flows.get(row, Field.touched);
      const purged = this.has(row, Flag.purged);
      if (age <= (purged ? purgedGraceSeconds : staleSeconds) || this.undecided(row)) continue;
      // It may be alive and silent: should it be announced again, then as one that began before this table knew.
      if (!purged) this.knowsSince = Math.max(this.knowsSince, flows.get(row, Field.lastSeen) + 1);
      this.remove(row);
    }
    this.giveUpOld();
    this.sweeps++;
    for (const identity of flows.identity) {
      if (identity === undefined || identity.sweep === this.sweeps) continue;
      identity.sweep = this.sweeps;
      this.ledger.forget(identity);
    }
    for (const [hash, { sweep }] of this.identities) if (sweep !== this.sweeps) this.identities.delete(hash);
  }

  /** An identity that takes longer than an hour does not come: without an end, the waiting of endless unknown flows would grow. */
  private giveUpOld(): void {
    const previous = this.hourAt(this.wall - 3_600_000);
    for (const [row, pairs] of this.waiting) {
      while (pairs.length > 0 && pairs[0] !== previous && pairs[0] !== this.hour) {
        const [hour = 0, bytes = 0] = pairs.splice(0, 2);
        if (!this.undecided(row)) this.ledger.addUnattributed(hour, bytes);
      }
      if (pairs.length === 0) this.waiting.delete(row);
    }
  }

  /** Bytes that wait for an identity, by the hour they were reported in. */
  waitingByHour(): Map<HourKey, number> {
    const hours = new Map<HourKey, number>();
    for (const pairs of this.waiting.values()) {
      for (let at = 0; at < pairs.length; at += 2) {
        const hour = pairs[at] ?? 0;
        hours.set(hour, (hours.get(hour) ?? 0) + (pairs[at + 1] ?? 0));
      }
    }
    return hours;
  }

  /** One object for equal identities, as a rule. */
  intern({ client, protocol, application, host, hash }: FlowIdentity): FlowIdentity {
    const known = this.identities.get(hash);
    if (
      known !== undefined &&
      known.host === host &&
      known.application === application &&
      known.protocol === protocol &&
      known.client === client
    )
      return known;
    // Sharing saves memory; when everything is different, keeping all of it would not.
    if (this.identities.size >= maxIdentities) this.identities.clear();
    const own = { client, protocol, application, host, hash, place: undefined, sweep: this.sweeps };
    this.identities.set(hash, own);
    return own;
  }

  private rowOf(event: FlowEvent): number {
    const row = this.flows.find(event.digest, event.interface);
    return row >= 0 || (event.othersCount === 0 && this.aliases.size === 0) ? row : this.rowByOthers(event);
  }

  /** A flow is the one that has any of the event's digests; it has the event's own from then on. */
  private rowByOthers(event: FlowEvent): number {
    const { flows } = this;
    const known = this.rowByAlias(event.digest, event.interface);
    if (known >= 0) return known;
    for (let index = 0; index < event.othersCount; index++) {
      const other = this.otherDigest(event, index);
      const direct = flows.find(other, event.interface);
      const row = direct >= 0 ? direct : this.rowByAlias(other, event.interface);
      if (row < 0) continue;
      for (let word = 0; word < 5; word++) other[word] = flows.digestWord(row, word);
      this.aliases.set(other, event.digest, event.interface);
      flows.rename(row, event.digest);
      this.remember(event);
      return row;
    }
    return -1;
  }

  /** In an array that is used again. */
  private otherDigest({ others }: FlowEvent, index: number): Uint32Array {
    const { other } = this;
    for (let word = 0; word < 5; word++) other[word] = others[5 * index + word] ?? 0;
    return other;
  }

  private rowByAlias(digest: Uint32Array, netInterface: number): number {
    const present = this.aliases.get(digest, netInterface);
    return present === undefined ? -1 : this.flows.find(present, netInterface);
  }

  /** All other digests of the event lead to its own. */
  private remember(event: FlowEvent): void {
    const { digest } = event;
    for (let index = 0; index < event.othersCount; index++) {
      const other = this.otherDigest(event, index);
      if (other.some((word, at) => word !== digest[at])) this.aliases.set(other, digest, event.interface);
    }
  }

  private announce(row: number, event: FlowEvent, identity: FlowIdentity): void {
    const { flows } = this;
    const known = flows.get(row, Field.firstSeen);
    const timeless = this.has(row, Flag.timeless) && known > 0;
    // Late, about an earlier flow of the same digest.
    if (event.firstSeen !== 0 && event.firstSeen < Math.abs(known) && !timeless) return;
    // No flow is counted before it begins: counters from before then tell of an earlier one; later ones were this flow's already.
    const countedBefore = !this.has(row, Flag.counted) || event.firstSeen > flows.get(row, Field.lastSeen);
    const later = timeless ? event.firstSeen !== 0 && event.firstSeen !== known : event.firstSeen > known;
    const another = later && (timeless || countedBefore) && (known > 0 || this.has(row, Flag.counted));
    const isNew = known <= 0 || later;
    if (isNew) {
      const wholeIsNew = event.firstSeen >= this.knowsSince;
      if (another) this.beginAgain(row);
      else if (wholeIsNew) this.count(row, this.waiting.get(row)?.[0] ?? this.hour, flows.get(row, Field.skipped));
      flows.set(row, Field.skipped, 0);
      flows.set(row, Field.firstSeen, event.firstSeen);
      if (wholeIsNew) this.flag(row, Flag.wholeIsNew);
    }
    const had = flows.identity[row];
    if (had !== undefined && sameIdentity(had, identity)) return;
    flows.identity[row] = this.intern(identity);
    if (had === undefined) this.settle(row);
  }

  /** The same digest means another flow from now on (the earlier one is over). */
  private beginAgain(row: number): void {
    const { flows } = this;
    // What cannot be decided yet keeps waiting, for the newest identity.
    if (!this.undecided(row)) this.giveUp(row);
    flows.set(row, Field.total, 0);
    flows.set(row, Field.skipped, 0);
    flows.identity[row] = undefined;
    flows.setFlags(row, flows.flags(row) & (Flag.inUse | Flag.external));
  }

  /** How many bytes of this event have not been counted yet; remembers that they now are. */
  private growth(row: number, event: FlowEvent): number {
    const { flows } = this;
    // Late, about an earlier flow of the same digest.
    if (event.lastSeen !== 0 && event.lastSeen < flows.get(row, Field.firstSeen) && !this.has(row, Flag.timeless))
      return 0;
    const seenBefore = flows.get(row, Field.lastSeen);
    const later = event.lastSeen > seenBefore;
    if (later) {
      flows.set(row, Field.lastSeen, event.lastSeen);
      this.lag = this.wall - event.lastSeen;
    }
    const counted = flows.get(row, Field.total);
    if (Number.isNaN(event.total)) {
      if (!later && event.lastSeen !== 0) return 0;
      flows.set(row, Field.total, counted + event.increment);
      this.flag(row, Flag.counted);
      return event.increment;
    }
    if (this.has(row, Flag.counted)) {
      const ended = later && (event.total < counted || this.has(row, Flag.purged));
      if (!ended) return this.grow(row, event.total);
      // A new flow under an old digest whose announcement is still to come.
      this.beginAgain(row);
      flows.set(row, Field.firstSeen, -seenBefore);
      if (seenBefore >= this.knowsSince) this.flag(row, Flag.wholeIsNew);
    }
    this.flag(row, Flag.counted);
    if (this.has(row, Flag.wholeIsNew)) return this.grow(row, event.total);
    // Where this flow began is not known (yet): only what came since the agent's last event is surely new.
    const growth = Number.isNaN(event.increment) ? 0 : Math.min(event.increment, event.total);
    flows.set(row, Field.total, event.total);
    if (flows.get(row, Field.firstSeen) <= 0) flows.set(row, Field.skipped, event.total - growth);
    return growth;
  }

  private grow(row: number, total: number): number {
    const growth = total - this.flows.get(row, Field.total);
    if (growth <= 0) return 0;
    this.flows.set(row, Field.total, total);
    return growth;
  }

  private count(row: number, hour: HourKey, bytes: number): void {
    const identity = this.flows.identity[row];
    if (identity !== undefined && !this.undecided(row)) {
      if (this.isGuess && this.has(row, Flag.external) && this.ownAddresses?.has(identity.client) === true)
        this.ledger.addNotAClient(hour, bytes);
      else this.ledger.add(hour, identity, bytes);
      return;
    }
    const pairs = this.waiting.get(row);
    if (pairs === undefined) this.waiting.set(row, [hour, bytes]);
    else if (pairs.at(-2) === hour) pairs[pairs.length - 1] = (pairs.at(-1) ?? 0) + bytes;
    else pairs.push(hour, bytes);
  }

  /** Attributes what waited. */
  private settle(row: number): void {
    const pairs = this.waiting.get(row);
    if (pairs === undefined || this.undecided(row)) return;
    this.waiting.delete(row);
    for (let at = 0; at < pairs.length; at += 2) this.count(row, pairs[at] ?? 0, pairs[at + 1] ?? 0);
  }

  private giveUp(row: number): void {
    const pairs = this.waiting.get(row);
    if (pairs === undefined) return;
    this.waiting.delete(row);
    for (let at = 0; at < pairs.length; at += 2) this.ledger.addUnattributed(pairs[at] ?? 0, pairs[at + 1] ?? 0);
  }

  private waitForRoles(): void {
    this.undecidedSince ??= this.seconds;
    if (this.seconds - this.undecidedSince < decideSeconds || this.ownAddresses === undefined) return;
    this.isGuess = true;
    this.decide(true);
  }

  /** Counts NAT'd traffic on one side only: the external one counts when there is no internal one. */
  private decide(externalCounts: boolean): void {
    if (this.externalCounts === externalCounts) return;
    this.externalCounts = externalCounts;
    this.undecidedSince = undefined;
    for (let row = this.flows.after(-1); row >= 0; row = this.flows.after(row)) {
      if (!this.has(row, Flag.external)) continue;
      if (externalCounts) {
        if (this.flows.identity[row] !== undefined) this.settle(row);
        continue;
      }
      this.waiting.delete(row);
      this.flows.remove(row);
    }
  }

  private undecided(row: number): boolean {
    return this.externalCounts === undefined && this.has(row, Flag.external);
  }

  private has(row: number, flag: number): boolean {
    return (this.flows.flags(row) & flag) !== 0;
  }

  private flag(row: number, flag: number): void {
    this.flows.setFlags(row, this.flows.flags(row) | flag);
  }
}

function sameIdentity(a: FlowIdentity, b: FlowIdentity): boolean {
  return a.host === b.host && a.application === b.application && a.protocol === b.protocol && a.client === b.client;
}
