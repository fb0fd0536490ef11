/**
 * The rpcd plugin `ns.ha`: what NethSecurity's web interface calls, and what the primary calls on the backup over SSH. Names of methods,
 * arguments and error words are a contract (section 2). Arguments marked "additive" are this implementation's own.
 */
import type { RunCommand } from "@nethsec/host/command/command";
import { setOwnSyncList } from "../change/share-sync-list.ts";
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { type RpcdMethod, type RpcdPlugin, rpcdMethod, runRpcd } from "@nethsec/host/rpcd";
import * as v from "valibot";
import * as cluster from "../change/cluster.ts";
import { agentClient } from "../cluster/agent-client.ts";
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import { clusterStatus } from "../cluster/cluster-status.ts";
import { haPaths, readHaConfig, type Role } from "../cluster/config.ts";
import { ipv4ToNumber } from "../cluster/ipv4.ts";
import { inJob, jobState, runJob } from "./method-job.ts";
import { listInterfaces, listVips } from "../cluster/list-interfaces.ts";
import * as node from "../change/node-changes.ts";
import { checkBackup, initBackup } from "../change/remote-actions.ts";
import { checkRequirements } from "../cluster/requirements.ts";
import { onPrimary } from "../cluster/on-primary.ts";
import { revisionMethods } from "./rpcd-revisions.ts";
import { markJson, uplinksJson } from "./status.ts";
import { resetNode } from "../change/reset-node.ts";

const role = v.picklist(["primary", "backup"]);
const text = v.pipe(v.string(), v.nonEmpty("required"));
/** A network section. */
const name = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_.-]{1,64}$/));
const address = v.pipe(v.string(), v.ipv4());
/** Only the length is validated here: the checks report a malformed CIDR with an example. */
const cidr = v.pipe(v.string(), v.maxLength(64));
const further = v.optional(v.array(v.object({ name, virtual_ip: cidr })), []);

const success = { success: true };

/**
 * The caller names a role. With "backup" on a primary, the change would apply to this node alone and not to the backup: refuse. ("primary" on
 * a backup is refused by the actions themselves, whose message names the command to run.)
 */
function refuseOtherRole(host: Pick<Host, "uci">, asked: Role): void {
  if (asked !== "backup" || readHaConfig(host.uci)?.role !== "primary") return;
  throw new NethsecError({
    code: "wrong_role",
    message: "This node is the primary of its cluster, and the call says backup: nothing was changed.",
    advice: "Call it with the role that ns.ha status tells.",
  });
}

const initLocal = rpcdMethod({
  name: "init-local",
  example: {
    role: "primary",
    primary_node_ip: "192.168.100.238",
    backup_node_ip: "192.168.100.239",
    virtual_ip: "192.168.100.240/24",
    lan_interface: "lan",
    pubkey: "ssh-rsa AAAA",
    password: "12345678",
  },
  args: v.object({
    role,
    primary_node_ip: address,
    backup_node_ip: address,
    virtual_ip: cidr,
    lan_interface: name,
    pubkey: v.nullish(v.string()),
    password: v.nullish(v.string()),
    // Additive.
    admin_pubkey: v.nullish(v.string()),
    timing: v.nullish(v.picklist(["classic", "fast"])),
    interfaces: further,
    vips: further,
  }),
  run: async (args, { host }) => {
    const given = args.pubkey ?? "";
    await node.initNode(host, {
      role: args.role,
      primaryAddress: args.primary_node_ip,
      backupAddress: args.backup_node_ip,
      virtualIp: args.virtual_ip,
      interfaceName: args.lan_interface,
      interfaces: args.interfaces.map((item) => ({ name: item.name, virtualIp: item.virtual_ip })),
      aliases: args.vips.map((item) => ({ name: item.name, virtualIp: item.virtual_ip })),
      ...(args.role === "backup" && given !== ""
        ? { publicKeys: { sync: given, admin: args.admin_pubkey ?? undefined } }
        : {}),
      ...((args.password ?? "") === "" ? {} : { password: args.password ?? "" }),
      ...(args.timing === null || args.timing === undefined ? {} : { timing: args.timing }),
    });
    return success;
  },
});

const initRemote = rpcdMethod({
  name: "init-remote",
  example: { ssh_password: "secret", lan_interface: "lan" },
  args: v.object({ ssh_password: text, lan_interface: name }),
  run: async (args, { host }) => {
    onPrimary(host, "init-backup-node");
    await initBackup(host, args.ssh_password, args.lan_interface);
    return success;
  },
});

const checkRemote = rpcdMethod({
  name: "check-remote",
  example: { backup_node_ip: "192.168.100.239", ssh_password: "secret", lan_interface: "lan" },
  args: v.object({
    backup_node_ip: v.optional(
      v.pipe(
        v.string(),
        v.nonEmpty("missing_backup_node_ip"),
        v.check((given) => given === "" || ipv4ToNumber(given) !== undefined, "invalid"),
      ),
      "",
    ),
    ssh_password: text,
    lan_interface: name,
  }),
  run: async (args, { host }) => {
    try {
      const { errors } = await checkBackup(host, args.backup_node_ip, args.ssh_password, args.lan_interface);
      return { success: errors.length === 0, errors: errors.map(({ code }) => code) };
    } catch (error) {
      // Returned as a code: the web interface lists it with the other problems.
      if (error instanceof NethsecError) return { success: false, errors: [error.code] };
      throw error;
    }
  },
});

const validateRequirements = rpcdMethod({
  name: "validate-requirements",
  example: { role: "primary", lan_interface: "lan" },
  args: v.object({
    role,
    lan_interface: name,
    required_devices: v.optional(v.array(v.string()), []),
    required_protocols: v.optional(v.array(v.string()), []),
  }),
  run: async (args, { host }) => {
    const wanted = {
      role: args.role,
      interfaceName: args.lan_interface,
      devices: args.required_devices,
      protocols: args.required_protocols,
    };
    const problems = await checkRequirements(host, wanted);
    const told = problems.map(({ code, message }) => ({ code, message }));
    return { success: problems.length === 0, errors: problems.map(({ code }) => code), problems: told };
  },
});

const addLanInterface = rpcdMethod({
  name: "add-lan-interface",
  example: {
    role: "primary",
    primary_node_ip: "192.168.200.185",
    backup_node_ip: "192.168.200.186",
    virtual_ip: "192.168.200.190/24",
  },
  args: v.object({ role, primary_node_ip: address, backup_node_ip: address, virtual_ip: cidr }),
  run: async (args, { host }) => {
    const added = {
      primaryAddress: args.primary_node_ip,
      backupAddress: args.backup_node_ip,
      virtualIp: args.virtual_ip,
    };
    refuseOtherRole(host, args.role);
    await (args.role === "primary" ? cluster.addLanInterface(host, added) : node.addInterface(host, added));
    return success;
  },
});

const removeInterface = rpcdMethod({
  name: "remove-interface",
  example: { role: "primary", interface: "lan2" },
  args: v.object({ role, interface: name }),
  run: async (args, { host }) => {
    refuseOtherRole(host, args.role);
    await (args.role === "primary"
      ? cluster.removeInterface(host, args.interface)
      : node.removeInterface(host, args.interface, true));
    return success;
  },
});

const vipArguments = v.object({ role, interface: name, virtual_ip: cidr });
const vipExample = { role: "primary", interface: "lan", virtual_ip: "192.168.100.66/24" };

const addVip = rpcdMethod({
  name: "add-vip",
  example: vipExample,
  args: vipArguments,
  run: async (args, { host }) => {
    refuseOtherRole(host, args.role);
    const change = args.role === "primary" ? cluster.addVip : node.addVip;
    await change(host, args.interface, args.virtual_ip);
    return success;
  },
});

const removeVip = rpcdMethod({
  name: "remove-vip",
  example: vipExample,
  args: vipArguments,
  run: async ({ role: who, interface: on, virtual_ip }, { host }) => {
    refuseOtherRole(host, who);
    await (who === "primary" ? cluster.removeVip(host, on, virtual_ip) : node.removeVip(host, on, virtual_ip, true));
    return success;
  },
});

const status = rpcdMethod({
  name: "status",
  example: {},
  args: v.object({}),
  run: async (_args, { host }) => {
    const found = await clusterStatus(host);
    return {
      role: found.role,
      status: found.status,
      state: found.state,
      last_sync_status: found.lastSyncStatus ?? "",
      last_sync_time: found.lastSyncTime ?? 0,
      virtual_ips: Object.fromEntries(found.virtualIps.map(({ section, options }) => [section, options])),
      keepalived_stats: found.keepalivedStats,
      timing: found.timing,
      ...(found.maintenance === undefined ? {} : { maintenance: markJson(found.maintenance) }),
      ...(found.syncPaused === undefined
        ? {}
        : { sync_paused: { ...markJson(found.syncPaused), waiting: found.syncPaused.waiting ?? null } }),
      ...(found.uplinks === undefined ? {} : { uplinks: uplinksJson(found.uplinks) }),
      conditions: found.conditions,
    };
  },
});

const agent = (host: Pick<Host, "files">) => agentClient(host.files.real(haPaths.agentSocket));
/** Epoch milliseconds of the end; `seconds` undefined or null: without an end. */
const untilOf = (host: Pick<Host, "clock">, seconds: number | null | undefined): { until?: number } =>
  seconds === undefined || seconds === null ? {} : { until: host.clock.now() + seconds * 1000 };
const duration = v.nullish(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(366 * 86_400)));

const maintenance = rpcdMethod({
  name: "maintenance",
  example: { on: true, for: 7200, force: false },
  args: v.object({ on: v.boolean(), for: duration, force: v.optional(v.boolean(), false) }),
  run: async (args, { host }) => {
    const asked = { on: args.on, force: args.force, ...(args.on ? untilOf(host, args.for) : {}) };
    const { maintenance: mark, outageMs } = await agent(host).ask(agentEndpoints.maintenance, asked);
    return { ...success, maintenance: mark === undefined ? null : markJson(mark), outage_ms: outageMs ?? null };
  },
});

const pause = rpcdMethod({
  name: "pause",
  example: { for: 3600 },
  args: v.object({ for: duration }),
  run: async (args, { host }) => {
    onPrimary(host, "pause");
    const { paused } = await agent(host).ask(agentEndpoints.pause, { on: true, ...untilOf(host, args.for) });
    return { ...success, sync_paused: paused === undefined ? null : markJson(paused) };
  },
});

const resume = rpcdMethod({
  name: "resume",
  example: {},
  args: v.object({}),
  run: async (_args, { host }) => {
    onPrimary(host, "resume");
    await agent(host).ask(agentEndpoints.pause, { on: false });
    return success;
  },
});

const reset = rpcdMethod({
  name: "reset",
  example: { role: "primary", pubkey: "ssh-rsa AAAA" },
  args: v.object({ role, pubkey: v.nullish(v.string()) }),
  run: async (args, { host }) => {
    refuseOtherRole(host, args.role);
    const key = (args.pubkey ?? "") === "" ? undefined : (args.pubkey ?? undefined);
    await (args.role === "primary"
      ? cluster.reset(host, false, key)
      : resetNode(host, key === undefined ? {} : { extraKey: key }));
    return success;
  },
});

const upgradeRemote = rpcdMethod({
  name: "upgrade-remote",
  example: { image: "/tmp/upgrade.img.gz" },
  args: v.object({ image: text }),
  run: async (args, { host, signal }) => {
    const { upgradeBackup } = await import("../upgrade/upgrade-backup.ts");
    await upgradeBackup(host, onPrimary(host, "upgrade-remote"), args.image, signal);
    return { result: "success" };
  },
});

const power = (method: "enable" | "disable", change: (host: cluster.ClusterHost) => Promise<void>): RpcdMethod =>
  rpcdMethod({
    name: method,
    example: { role: "primary" },
    args: v.object({ role }),
    run: async (args, { host }) => {
      refuseOtherRole(host, args.role);
      await (args.role === "primary" ? change(host) : node.setEnabled(host, method === "enable"));
      return success;
    },
  });

/** Called by the primary's agent with the administrator's key. Not in any rpcd ACL, so sessions of the web interface cannot call it. */
const setSyncList = rpcdMethod({
  name: "set-sync-list",
  example: { list: ["/etc/mine"] },
  args: v.object({
    list: v.pipe(v.array(v.pipe(v.string(), v.startsWith("/"), v.maxLength(4096))), v.maxLength(1000)),
  }),
  run: (args, { host }) => {
    setOwnSyncList(host, args.list);
    return success;
  },
});

const list = (
  method: string,
  run: (uci: Parameters<typeof listInterfaces>[0]) => Record<string, unknown>,
): RpcdMethod => rpcdMethod({ name: method, example: {}, args: v.object({}), run: (_args, { host }) => run(host.uci) });

export const plugin: RpcdPlugin = {
  name: "ns.ha",
  methods: [
    initLocal,
    initRemote,
    checkRemote,
    validateRequirements,
    addLanInterface,
    removeInterface,
    addVip,
    removeVip,
    status,
    setSyncList,
    list("list-interfaces", (uci) => ({ interfaces: listInterfaces(uci) })),
    list("list-vips", (uci) => ({ vips: listVips(uci) })),
    reset,
    upgradeRemote,
    maintenance,
    pause,
    resume,
    ...revisionMethods,
    power("disable", cluster.disable),
    power("enable", cluster.enable),
  ],
};

/** Methods that may exceed rpcd's time limit, or must not be killed by it. */
const long: ReadonlySet<string> = new Set([
  "init-local",
  "init-remote",
  "add-lan-interface",
  "remove-interface",
  "add-vip",
  "remove-vip",
  "reset",
  "upgrade-remote",
  "maintenance",
  "rollback",
  "disable",
  "enable",
]);

const job = rpcdMethod({
  name: "job",
  example: { id: "3fK…" },
  args: v.object({ id: text }),
  run: ({ id }, { host }) => jobState(host, id),
});

/** `list`, `call METHOD`, and `job METHOD ID`, which the plugin starts itself for long methods. */
export const run: RunCommand = (call) => {
  if (call.rest[0] === "job") return runJob(plugin, call);
  const methods = plugin.methods.map((method) => (long.has(method.name) ? inJob(method) : method));
  return runRpcd({ name: plugin.name, methods: [...methods, job] }, call);
};
