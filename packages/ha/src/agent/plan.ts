/**
 * The heart of the agent: `plan(observed, desired)` returns the steps still to be done (design decision 3). Pure: no clock, independent of earlier calls.
 * Invariants: an empty plan means converged; a step is planned only until its effect is in place; steps of the two postures never
 * appear together; nothing is planned for a service that is missing or that the user disabled.
 *
 * Interfaces, processes and options are observed. What cannot be observed (was this service restarted since this node became master? was the
 * connection table committed?) is recorded as a *mark*: key → value, set when the step succeeded, deleted before it starts.
 */
import type { VrrpState } from "../cluster/state.ts";
import type { Role } from "../cluster/config.ts";
import type { FollowingInterface } from "../cluster/following-interfaces.ts";
import type { ServiceRow } from "../cluster/service-table.ts";

/** active: this node carries the site. passive: it stands by. */
export type Posture = "active" | "passive";

export interface Situation {
  readonly role: Role;
  /** keepalived.globals.enabled */
  readonly enabled: boolean;
  readonly state: VrrpState;
  /** Grows with each transition: marks of an older term do not count. */
  readonly term: number;
}

/**
 * Active: VRRP master; or the cluster was disabled: then the primary carries on alone (without the virtual addresses).
 * Everything else (backup, fault, keepalived stopped, not known yet) is passive: two nodes with one WAN address are worse than none.
 */
export function postureOf({ role, enabled, state }: Pick<Situation, "role" | "enabled" | "state">): Posture {
  if (!enabled) return role === "primary" ? "active" : "passive";
  return state === "master" ? "active" : "passive";
}

export interface Desired {
  readonly situation: Situation;
  readonly services: readonly ServiceRow[];
  /** In the order in which they must come up. */
  readonly interfaces: readonly FollowingInterface[];
  /** Services that read the state files which this primary first fetches from the backup (cluster/state-files.ts); empty on the backup. */
  readonly stateServices: ReadonlySet<string>;
  /** Device and address that the hotspot must have while active (backup node only). */
  readonly hotspot: { readonly device: string; readonly mac: string } | undefined;
}

export interface Observed {
  /** By interface: up or not. Missing: netifd does not know it. */
  readonly interfaces: ReadonlyMap<string, boolean>;
  /** Services that exist and that neither their configuration nor the user disabled. */
  readonly available: ReadonlySet<string>;
  /** By service; missing when not checked. */
  readonly running: ReadonlyMap<string, boolean>;
  /** Value of `force` in each dnsmasq section. */
  readonly dhcpForce: readonly string[];
  /** Each route section with ns_tag ha: the interface it names, and its `disabled`. */
  readonly routes: readonly { readonly interface: string; readonly disabled: boolean }[];
  readonly hotspotMac: { readonly now: string; readonly original: string | undefined } | undefined;
  readonly conntrackd: boolean;
  readonly natHelpers: boolean;
  readonly marks: ReadonlyMap<string, string>;
}

export type Step =
  | { readonly kind: "interface"; readonly name: string; readonly up: boolean }
  | { readonly kind: "announce"; readonly name: string }
  | { readonly kind: "conntrackd"; readonly action: ConntrackdAction }
  | { readonly kind: "service"; readonly name: string; readonly action: "restart" | "reload" | "stop" }
  | { readonly kind: "cron"; readonly action: "resume" | "suspend"; readonly words: readonly string[] }
  | { readonly kind: "dhcp-force"; readonly value: "0" | "1" }
  | { readonly kind: "nat-helpers" }
  | { readonly kind: "take-state" }
  /** Without `interface`: the routes of all interfaces. */
  | { readonly kind: "routes"; readonly enabled: boolean; readonly interface?: string }
  | { readonly kind: "hotspot-mac"; readonly device: string; readonly mac: string; readonly original: boolean }
  | { readonly kind: "hotplug"; readonly action: HotplugAction };
/** commit: take over the other node's connections; share: send it this node's; release: shorten the timers, and request the other node's. */
export type ConntrackdAction = "commit" | "share" | "release";
export type HotplugAction = "NOTIFY_MASTER" | "NOTIFY_BACKUP" | "NOTIFY_FAULT" | "NOTIFY_STOP";

export interface PlannedStep {
  /** What `status` shows as pending, e.g. "restart openvpn". Unique within a plan. */
  readonly id: string;
  readonly step: Step;
  /** Ids of steps of this plan that must have ended (well or not) before. */
  readonly after: readonly string[];
  /** One of these must have succeeded before, or all of them have ended. */
  readonly afterAny?: readonly string[];
  /** Set when the step succeeded. */
  readonly mark: { readonly key: string; readonly value: string };
}

/** Id of the step `take-state`. */
const takeState = "fetch what the backup node learnt";

/** The steps still to be done, most urgent first. */
export function plan(observed: Observed, desired: Desired): PlannedStep[] {
  return postureOf(desired.situation) === "active" ? planActive(observed, desired) : planPassive(observed, desired);
}

/** Interfaces and connection table come first, since users notice a missing line most; the other steps follow. */
function planActive(observed: Observed, desired: Desired): PlannedStep[] {
  const value = `active ${desired.situation.term}`;
  const marked = (key: string): boolean => observed.marks.get(key) === value;
  const steps: PlannedStep[] = [];
  const add = (
    id: string,
    key: string,
    step: Step,
    after: readonly string[] = [],
    afterAny?: readonly string[],
  ): void => {
    steps.push({ id, step, after, mark: { key, value }, ...(afterAny === undefined ? {} : { afterAny }) });
  };
  if (observed.conntrackd && !marked("conntrackd"))
    add("take over connections", "conntrackd", { kind: "conntrackd", action: "commit" });
  const connections = steps.map(({ id }) => id);
  if (observed.conntrackd && !marked("conntrackd shared"))
    add("share connections", "conntrackd shared", { kind: "conntrackd", action: "share" }, connections);
  const { hotspot } = desired;
  if (hotspot !== undefined && observed.hotspotMac !== undefined && observed.hotspotMac.now !== hotspot.mac) {
    add("copy hotspot MAC", "hotspot", { kind: "hotspot-mac", ...hotspot, original: false });
  }
  const mac = steps.filter(({ step }) => step.kind === "hotspot-mac").map(({ id }) => id);
  const rising = (names: readonly string[]): string[] =>
    present(
      steps,
      names.map((name) => `ifup ${name}`),
    );
  const late = overUplinks(desired.interfaces);
  const uplinks = desired.interfaces
    .filter(({ name, uplink, wanted }) => uplink && wanted && !late.has(name))
    .map(({ name }) => name);
  const someUplink = uplinks.some((name) => observed.interfaces.get(name) === true);
  for (const { name, waited, wanted, parents, anyUplink } of [
    ...desired.interfaces.filter((each) => !late.has(each.name)),
    ...desired.interfaces.filter((each) => late.has(each.name)),
  ]) {
    const up = observed.interfaces.get(name);
    if (!wanted || up === undefined) continue;
    const key = `interface ${name}`;
    if (waited ? !up : !marked(key)) {
      // Before the connection table is committed, packets of known connections would get a reset, or another address by NAT.
      const after = [...connections, ...mac, ...rising(parents)];
      const any = anyUplink && !someUplink ? rising(uplinks) : undefined;
      add(`ifup ${name}`, key, { kind: "interface", name, up: true }, after, any);
    }
    if (waited && !marked(`announce ${name}`)) {
      add(`announce ${name}`, `announce ${name}`, { kind: "announce", name }, rising([name]));
    }
  }
  const line = steps.filter(({ step }) => step.kind === "interface").map(({ id }) => id);
  const routed = new Set(observed.routes.flatMap(({ interface: name, disabled }) => (disabled ? [name] : [])));
  for (const name of routed) {
    const step: Step = { kind: "routes", enabled: true, interface: name };
    add(`enable routes of ${name}`, `routes ${name}`, step, rising([name]));
  }
  if (observed.natHelpers && !marked("nat-helpers"))
    add("load NAT helpers", "nat-helpers", { kind: "nat-helpers" }, line);
  const takesState = desired.stateServices.size > 0 && !marked("state");
  if (takesState) add(takeState, "state", { kind: "take-state" });
  if (observed.dhcpForce.some((force) => force !== "1"))
    add("DHCP force on", "dhcp-force", { kind: "dhcp-force", value: "1" });
  for (const row of desired.services) {
    if (row.active === "none" || !observed.available.has(row.name)) continue;
    const key = `service ${row.name}`;
    const fallen = row.process && row.active === "restart" && observed.running.get(row.name) === false;
    if (marked(key) && !fallen) continue;
    const after = [
      ...line,
      ...(row.name === "dnsmasq" ? ["DHCP force on"] : []),
      ...(desired.stateServices.has(row.name) ? [takeState] : []),
    ];
    add(
      `${row.active} ${row.name}`,
      key,
      { kind: "service", name: row.name, action: row.active },
      present(steps, after),
    );
  }
  const words = desired.services.flatMap(({ cron }) => cron);
  // Cron jobs (reports, certificate renewals) read the state files too.
  const beforeCron = present(steps, [...line, takeState]);
  if (!marked("cron")) add("resume cron lines", "cron", { kind: "cron", action: "resume", words }, beforeCron);
  if (!marked("hotplug")) add("hotplug NOTIFY_MASTER", "hotplug", { kind: "hotplug", action: "NOTIFY_MASTER" }, line);
  return steps;
}

function planPassive(observed: Observed, desired: Desired): PlannedStep[] {
  const value = "passive";
  const marked = (key: string): boolean => observed.marks.get(key) === value;
  const steps: PlannedStep[] = [];
  const add = (id: string, key: string, step: Step, after: readonly string[] = []): void => {
    steps.push({ id, step, after, mark: { key, value } });
  };
  // Take down upper layers first (WireGuard before the WAN it runs over).
  for (const { name, waited } of [...desired.interfaces].reverse()) {
    const up = observed.interfaces.get(name);
    if (up === undefined) continue;
    // An interface that is not up may still be coming up from before the state change: take it down too, once (the mark).
    if (!up && (marked(`interface ${name}`) || !waited)) continue;
    const carried = desired.interfaces
      .filter(({ parents }) => parents.includes(name))
      .map((each) => `ifdown ${each.name}`);
    add(`ifdown ${name}`, `interface ${name}`, { kind: "interface", name, up: false }, present(steps, carried));
  }
  const down = steps.map(({ id }) => id);
  const mac = observed.hotspotMac;
  if (desired.hotspot !== undefined && mac?.original !== undefined && mac.now !== mac.original) {
    const step: Step = { kind: "hotspot-mac", device: desired.hotspot.device, mac: mac.original, original: true };
    add("restore hotspot MAC", "hotspot", step, down);
  }
  if (observed.dhcpForce.some((force) => force !== "0"))
    add("DHCP force off", "dhcp-force", { kind: "dhcp-force", value: "0" });
  for (const row of desired.services) {
    if (row.passive === "none" || !observed.available.has(row.name)) continue;
    const key = `service ${row.name}`;
    const risen = row.process && observed.running.get(row.name) === true;
    if (marked(key) && !risen) continue;
    add(`stop ${row.name}`, key, { kind: "service", name: row.name, action: "stop" });
  }
  if (observed.conntrackd && !marked("conntrackd"))
    add("hand over connections", "conntrackd", { kind: "conntrackd", action: "release" }, down);
  if (observed.routes.some(({ disabled }) => !disabled))
    add("disable routes", "routes", { kind: "routes", enabled: false }, down);
  const words = desired.services.flatMap(({ cron }) => cron);
  if (!marked("cron")) add("suspend cron lines", "cron", { kind: "cron", action: "suspend", words });
  const action = hotplugAction(desired.situation.state);
  if (observed.marks.get("hotplug") !== action) {
    steps.push({
      id: `hotplug ${action}`,
      step: { kind: "hotplug", action },
      after: down,
      mark: { key: "hotplug", value: action },
    });
  }
  return steps;
}

/** Names of the interfaces that need any uplink, and of those on top of them: planned after the uplinks. `interfaces`: parents first. */
function overUplinks(interfaces: readonly FollowingInterface[]): ReadonlySet<string> {
  const late = new Set<string>();
  for (const { name, anyUplink, parents } of interfaces)
    if (anyUplink || parents.some((parent) => late.has(parent))) late.add(name);
  return late;
}

function hotplugAction(state: VrrpState): HotplugAction {
  if (state === "fault") return "NOTIFY_FAULT";
  return state === "backup" || state === "init" ? "NOTIFY_BACKUP" : "NOTIFY_STOP";
}

function present(steps: readonly PlannedStep[], ids: readonly string[]): string[] {
  return ids.filter((wanted) => steps.some(({ id }) => id === wanted));
}

/** Services whose process must be checked: those with a valid mark, since a service without one gets a step anyway. */
export function servicesToLookAt(marks: ReadonlyMap<string, string>, desired: Desired): string[] {
  const active = postureOf(desired.situation) === "active";
  const value = active ? `active ${desired.situation.term}` : "passive";
  return desired.services.flatMap((row) => {
    const concerned = row.process && (active ? row.active === "restart" : row.passive === "stop");
    return concerned && marks.get(`service ${row.name}`) === value ? [row.name] : [];
  });
}
