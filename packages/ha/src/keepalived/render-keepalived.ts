/**
 * The whole keepalived.conf from UCI. Pure: package in, text out. Throws on values that would change the meaning of the file (quotes,
 * braces, newlines) instead of writing them.
 *
 * What differs from a literal translation of the options, and why:
 * - Priorities 100 and 50 become 200 and 190, tracked interfaces weigh -11 each. VRRP waits skew = (256 - priority)/256 of an advertisement
 *   before taking over (RFC 5798, section 6.1), so a low priority costs time; and the weight of +100 that older clusters have in UCI
 *   saturates at 254 with three interfaces, after which a lost cable changes nothing. With -11 the node that has more of
 *   its cables wins, up to 17 of them.
 * - Only the address of the HA interface is advertised; all others are `virtual_ipaddress_excluded`: keepalived drops advertisements with another
 *   list, so while an address is being added, and only one node has it, the nodes still accept each other's advertisements.
 *   And they are `no_track`: otherwise keepalived goes to FAULT, whatever the weights, as soon as one of their devices is down or does not
 *   exist yet, so that a dead switch behind the second LAN would leave no master at all. The agent maintains these addresses.
 * - Transitions are written to a FIFO, and `switch` hands over through a tracked file: keepalived never runs a script.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Package, Section } from "@nethsec/host/uci-store";
import { haPaths, type HaConfig } from "../cluster/config.ts";
import { handOver, hold } from "../cluster/tracked-priority.ts";

const interfaceWeight = -11;
/** The weight that older clusters have in UCI; any other weight is the user's and stays unchanged. */
const defaultUciWeight = "100";

/**
 * `pkg` is the package `keepalived`, `config` the same as a typed value. `realtime`: keepalived has CAP_SYS_RESOURCE. `maintenance`: this
 * node does not carry the site, also when keepalived starts anew. Throws `ha_config_invalid`.
 */
export function renderKeepalived(pkg: Package, config: HaConfig, realtime: boolean, maintenance: boolean): string {
  const initial = maintenance ? handOver : config.role === "primary" ? hold : 0;
  const blocks = [
    "# Written by ns-ha from /etc/config/keepalived: change it there (uci), then run reload_config.",
    block("global_defs", globals(pkg, config, realtime)),
    ...staticBlocks(pkg),
    delays(pkg, config),
    block("track_file ns_switch", [`file "${haPaths.priorityFile}"`, "weight 1", `init_file ${initial} overwrite`]),
    ...pkg.ofType("vrrp_script").flatMap((section) => userScript(section)),
    ...pkg.ofType("bfd_instance").flatMap((section) => named(section, "bfd_instance", bfdOptions)),
    ...pkg.ofType("vrrp_sync_group").flatMap((section) => syncGroup(section)),
    ...pkg.ofType("vrrp_instance").flatMap((section) => instance(pkg, config, section)),
  ];
  return `${blocks.filter((text) => text !== "").join("\n\n")}\n`;
}

/** 100 → 200, 50 → 190. Priorities that users chose keep their relative order. */
export function vrrpPriority(uciPriority: number): number {
  return Math.min(254, Math.max(1, 180 + Math.round(uciPriority / 5)));
}

/**
 * While the other node runs the older packages (`adopt.ts`), it uses the values in UCI, plus 100 for each tracked interface or script, up
 * to 254. The primary gets 254, the top of that range; the backup keeps its UCI value, below all of the other node's.
 */
function priorityOf(pkg: Package, instance: Section): number {
  const own = instance.int("priority", 100);
  if (pkg.section("globals")?.bool("ns_mixed", false) !== true) return vrrpPriority(own);
  return instance.name === "primary" ? 254 : own;
}

const globalOptions = [
  "notification_email_from",
  "smtp_server",
  "smtp_connect_timeout",
  "router_id",
  "vrrp_mcast_group4",
  "vrrp_mcast_group6",
  "vrrp_startup_delay",
];

/**
 * With a real-time priority the kernel kills a process that computes for longer than RLIMIT_RTTIME without blocking; keepalived's own limit of
 * 10 ms is little for a slow machine. At each reload keepalived lowers the limit and raises it again, which requires CAP_SYS_RESOURCE: without
 * it (in a container) the limit stays low and the VRRP process is killed soon after (seen with 2.2.7). There we use a high priority instead.
 */
function scheduling(realtime: boolean): string[] {
  return realtime
    ? ["vrrp_rt_priority 50", "vrrp_rlimit_rttime 2000000", "vrrp_no_swap"]
    : ["vrrp_priority -20", "vrrp_no_swap"];
}

function globals(pkg: Package, config: HaConfig, realtime: boolean): string[] {
  const section = pkg.section("globals");
  const mail = section?.list("notification_email") ?? [];
  return [
    "script_user root",
    "enable_script_security",
    "process_names",
    // Wait for a bridge or VLAN that netifd has not created yet at boot, instead of failing.
    "dynamic_interfaces",
    "vrrp_check_unicast_src",
    `vrrp_notify_fifo ${haPaths.notifyFifo}`,
    ...(config.timing === "fast" ? ["vrrp_version 3", ...scheduling(realtime)] : ["vrrp_version 2"]),
    ...(mail.length === 0 ? [] : ["notification_email {", ...mail.map((address) => `\t${word(address)}`), "}"]),
    ...(section === undefined ? [] : options(section, globalOptions)),
  ];
}

function staticBlocks(pkg: Package): string[] {
  const addresses = pkg
    .ofType("static_ipaddress")
    .flatMap((section) => section.list("address").flatMap((name) => addressLines(pkg, name)));
  const routes = pkg
    .ofType("static_routes")
    .flatMap((section) => section.list("route").flatMap((name) => routeLines(pkg, name)));
  return [
    ...(addresses.length === 0 ? [] : [block("static_ipaddress", addresses)]),
    ...(routes.length === 0 ? [] : [block("static_routes", routes)]),
  ];
}

/** keepalived requires delays below two advertisement intervals, which is 0.2 s with `fast`. */
function delays(pkg: Package, config: HaConfig): string {
  const lines = pkg.ofType("interface_up_down_delays").flatMap((section) => {
    const device = section.get("device");
    if (device === undefined) return [];
    const seconds = (option: string): number => {
      const value = Number(section.get(option) ?? "1");
      if (!Number.isFinite(value) || value < 0 || value > 255)
        throw unusable(`${section.name}.${option} is no number of seconds`);
      return value;
    };
    const most = config.timing === "fast" ? 0.1 : 255;
    return [`${word(device)} ${Math.min(most, seconds("down_delay"))} ${Math.min(most, seconds("up_delay"))}`];
  });
  return lines.length === 0 ? "" : block("interface_up_down_delays", lines);
}

/** Skips `ha_sync`, which describes the agent's periodic synchronisation: keepalived runs nothing for it. */
function userScript(section: Section): string[] {
  return section.name === "ha_sync"
    ? []
    : named(section, "vrrp_script", ["script", "interval", "timeout", "weight", "fall", "rise", "user"]);
}

const bfdOptions = ["neighbor_ip", "source_ip", "min_rx", "min_tx", "idle_tx", "hoplimit", "max_hops"];

function named(section: Section, keyword: string, names: readonly string[]): string[] {
  const name = section.get("name");
  return name === undefined ? [] : [block(`${keyword} ${word(name)}`, options(section, names))];
}

function syncGroup(section: Section): string[] {
  const name = section.get("name");
  const group = section.list("group");
  if (name === undefined || group.length === 0) return [];
  const lines = [
    ...sub("group", group.map(word)),
    // Without this option keepalived ignores the weights of what the members track, including the file for `switch`.
    "sync_group_tracking_weight",
    ...flags(section, ["smtp_alert", "global_tracking"]),
  ];
  return [block(`vrrp_sync_group ${word(name)}`, lines)];
}

const instanceOptions = [
  "mcast_src_ip",
  "preempt_delay",
  "lvs_sync_daemon_interface",
  "garp_master_refresh",
  "garp_master_repeat",
  "garp_master_refresh_repeat",
  "garp_lower_prio_delay",
  "garp_lower_prio_repeat",
];
/**
 * A returning primary needs the other node's connections in its table before it takes the addresses: it would reset connections it does not know.
 * At boot conntrackd starts after keepalived. Without another master there is no delay. (vrrp_startup_delay is unsuitable: with 2.2.7 each
 * advertisement received meanwhile adds a second to it.)
 */
const preemptDelaySeconds = 3;
const instanceFlags = ["vmac_xmit_base", "native_ipv6", "accept", "dont_track_primary", "smtp_alert", "use_vmac"];

function instance(pkg: Package, config: HaConfig, section: Section): string[] {
  const name = section.get("name");
  if (name === undefined) return [];
  const ours = section.name === config.role;
  const nopreempt = section.bool("nopreempt", false);
  const fast = config.timing === "fast";
  const returns = ours && config.role === "primary" && !nopreempt;
  const lines = [
    // keepalived accepts nopreempt and preempt_delay only with the initial state BACKUP; the election is by priority in any case.
    `state ${returns || nopreempt ? "BACKUP" : word(section.get("state") ?? "BACKUP")}`,
    `interface ${word(section.get("interface") ?? config.haInterface.device)}`,
    `virtual_router_id ${section.int("virtual_router_id", 100)}`,
    `priority ${ours ? priorityOf(pkg, section) : section.int("priority", 100)}`,
    `advert_int ${ours && fast ? "0.1" : word(section.get("advert_int") ?? "1")}`,
    // When netifd reconfigures a LAN interface, it removes its address; without this option the kernel would remove the virtual ones with it.
    "promote_secondaries",
    `garp_master_delay ${word(section.get("garp_master_delay") ?? "1")}`,
    ...options(section, instanceOptions),
    ...(returns && section.get("preempt_delay") === undefined ? [`preempt_delay ${preemptDelaySeconds}`] : []),
    ...(section.bool("debug", false) || section.int("debug", 0) > 0
      ? [`debug ${Math.min(4, Math.max(1, section.int("debug", 1)))}`]
      : []),
    ...(nopreempt ? ["nopreempt"] : []),
    ...flags(section, instanceFlags),
    ...authentication(section, fast),
    ...unicast(pkg, section),
    ...virtualAddresses(pkg, section),
    ...sub(
      "virtual_routes",
      section.list("virtual_routes").flatMap((route) => routeLines(pkg, route)),
    ),
    ...tracking(pkg, config, section, ours),
  ];
  return [block(`vrrp_instance ${word(name)}`, lines)];
}

/** VRRPv3 has no authentication (RFC 5798, section 9); VRRPv2 uses a password of eight characters. */
function authentication(section: Section, fast: boolean): string[] {
  const type = section.get("auth_type");
  const password = section.get("auth_pass");
  if (fast || type === undefined || password === undefined) return [];
  return sub("authentication", [`auth_type ${word(type)}`, `auth_pass ${word(password)}`]);
}

function unicast(pkg: Package, section: Section): string[] {
  const source = section.get("unicast_src_ip");
  const peers = section.list("unicast_peer").flatMap((name) =>
    pkg.ofType("peer").flatMap((peer) => {
      const address = peer.get("address");
      return peer.get("name") === name && address !== undefined ? [word(address)] : [];
    }),
  );
  return [...(source === undefined ? [] : [`unicast_src_ip ${word(source)}`]), ...sub("unicast_peer", peers)];
}

function virtualAddresses(pkg: Package, section: Section): string[] {
  const [first, ...others] = section.list("virtual_ipaddress").flatMap((name) => addressLines(pkg, name));
  const excluded = section.list("virtual_ipaddress_excluded").flatMap((name) => addressLines(pkg, name));
  return [
    ...sub("virtual_ipaddress", first === undefined ? [] : [first]),
    ...sub(
      "virtual_ipaddress_excluded",
      [...others, ...excluded].map((line) => `${line} no_track`),
    ),
  ];
}

function addressLines(pkg: Package, name: string): string[] {
  return pkg.ofType("ipaddress").flatMap((section) => {
    const address = section.get("address");
    if (section.get("name") !== name || address === undefined) return [];
    const device = section.get("device");
    const scope = section.get("scope");
    return [
      [
        word(address),
        ...(device === undefined
          ? []
          : [`dev ${word(device)} label ${word(device)}:${word(section.get("label_suffix") ?? "vip")}`]),
        ...(scope === undefined ? [] : [`scope ${word(scope)}`]),
      ].join(" "),
    ];
  });
}

function routeLines(pkg: Package, name: string): string[] {
  return pkg.ofType("route").flatMap((section) => {
    const address = section.get("address");
    if (section.get("name") !== name || address === undefined) return [];
    if (section.bool("blackhole", false)) return [`blackhole ${word(address)}`];
    const source = section.get("src_addr");
    const parts = source === undefined ? [word(address)] : [`src ${word(source)}`, word(address)];
    const keywords = [
      ["gateway", "via"],
      ["device", "dev"],
      ["scope", "scope"],
      ["table", "table"],
    ] as const;
    for (const [option, keyword] of keywords) {
      const value = section.get(option);
      if (value !== undefined) parts.push(`${keyword} ${word(value)}`);
    }
    return [parts.join(" ")];
  });
}

function tracking(pkg: Package, config: HaConfig, section: Section, ours: boolean): string[] {
  const interfaces = section.list("track_interface").flatMap((name) => trackedInterfaces(pkg, config, name));
  const scripts = section.list("track_script").flatMap((name) => trackedScripts(pkg, name));
  const bfd = section.list("track_bfd").flatMap((name) => {
    const weight = pkg
      .ofType("bfd_instance")
      .find((found) => found.get("name") === name)
      ?.get("weight");
    return [`${word(name)}${weight === undefined ? "" : ` weight ${word(weight)}`}`];
  });
  return [
    ...sub("track_interface", interfaces),
    ...sub("track_script", scripts),
    ...sub("track_bfd", bfd),
    ...(ours ? sub("track_file", ["ns_switch"]) : []),
  ];
}

/** The HA interface needs no entry: VRRP runs on it, so keepalived goes to FAULT by itself when it is down. */
function trackedInterfaces(pkg: Package, config: HaConfig, name: string): string[] {
  return pkg.ofType("track_interface").flatMap((section) => {
    const device = section.get("value");
    if (section.get("name") !== name || device === undefined || device === config.haInterface.device) return [];
    const uciWeight = section.get("weight") ?? "0";
    const weight =
      uciWeight === defaultUciWeight && section.get("ns_link") !== undefined ? interfaceWeight : Number(uciWeight);
    if (!Number.isInteger(weight) || Math.abs(weight) > 253)
      throw unusable(`${section.name}.weight is not between -253 and 253`);
    return [weight === 0 ? word(device) : `${word(device)} weight ${weight}`];
  });
}

/** A track_script section refers to a vrrp_script by its `value`. Skips our own `ha_sync`, which the agent runs. */
function trackedScripts(pkg: Package, name: string): string[] {
  return pkg.ofType("track_script").flatMap((section) => {
    const script = section.get("value");
    if (section.get("name") !== name || script === undefined || script === "ha_sync") return [];
    const weight = section.get("weight");
    const direction = ["reverse", "noreverse"].find((known) => known === section.get("direction"));
    return [
      [
        word(script),
        ...(weight === undefined ? [] : [`weight ${word(weight)}`, ...(direction === undefined ? [] : [direction])]),
      ].join(" "),
    ];
  });
}

function options(section: Section, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const value = section.get(name);
    return value === undefined || value === "" ? [] : [`${name} ${word(value)}`];
  });
}

function flags(section: Section, names: readonly string[]): string[] {
  return names.filter((name) => section.bool(name, false));
}

function block(head: string, lines: readonly string[]): string {
  return [`${head} {`, ...lines.map((line) => `\t${line}`), "}"].join("\n");
}

/** A nested block; nothing when it would be empty. */
function sub(head: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`${head} {`, ...lines.map((line) => `\t${line}`), "}"];
}

/** One word, or several in quotes. Rejects comments (! #), quotes, braces and variables ($, @, ~), which have a meaning in keepalived.conf. */
function word(value: string): string {
  if (value === "" || /["'{}\\!#$~\u0000-\u001f\u007f]/.test(value) || value.startsWith("@")) {
    throw unusable(`${JSON.stringify(value)} holds a character that keepalived.conf gives a meaning to`);
  }
  return /\s/.test(value) ? `"${value}"` : value;
}

function unusable(what: string): NethsecError {
  return new NethsecError({
    code: "ha_config_invalid",
    message: `/etc/config/keepalived cannot be rendered: ${what}.`,
    advice: "Correct the value with uci, commit it, and run reload_config.",
  });
}
