/** The agent records changes by itself, says who made them, and takes the configuration back. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { fakeCall } from "@nethsec/host/testing/fake-call";
import { until } from "@nethsec/host/testing/until";
import { readHaConfig, type HaConfig, type Role } from "../cluster/config.ts";
import { newest, show, shown } from "../cli/revisions.ts";
import { RevisionStore, revisionsDir } from "../revisions/revision-store.ts";
import { SimulatedNode } from "../testing/simulated-node.ts";
import { handleAgentRequest } from "./agent-server.ts";
import { RevisionPart } from "./revision-part.ts";

const firewallPath = "/etc/config/firewall";
let node: SimulatedNode;
let life: AbortController;
let log: string;
let appliedAt: number | undefined;
let part: RevisionPart;

function begin(role: Role): void {
  node = new SimulatedNode(role);
  life = new AbortController();
  log = "";
  appliedAt = undefined;
  node.machine.program("tail", () => ({ code: 0, stdout: log }));
  const { host, conditions } = node;
  part = new RevisionPart(
    {
      host,
      conditions,
      life: life.signal,
      get config(): HaConfig {
        const config = readHaConfig(host.uci);
        if (config === undefined) throw new Error("no cluster");
        return config;
      },
      get state() {
        return node.state;
      },
    },
    { appliedAt: () => appliedAt },
  );
  part.start();
}
const store = (): RevisionStore => new RevisionStore(node.machine.files);

/** Time passes, and the agent looks, until a revision more than `count` is there. */
async function recorded(count: number): Promise<void> {
  await until(
    async () => {
      await node.clock.sleep(1000);
      await part.tick.run();
      return store().head() !== undefined && store().list().length > count - 1;
    },
    { what: `revision ${count}`, timeoutMs: 10_000 },
  );
}
const edit = (text: string): void =>
  node.machine.files.write(firewallPath, `config zone 'ns_lan'\n\toption name '${text}'\n`);
async function rollback(id: number, paths: readonly string[] = [], dryRun = false): Promise<Record<string, unknown>> {
  const request = new Request("http://agent/rollback", { method: "POST", body: JSON.stringify({ id, paths, dryRun }) });
  const lines = (await (await handleAgentRequest(part.routes, request)).text()).trim().split("\n");
  return JSON.parse(lines.at(-1) ?? "") as Record<string, unknown>;
}
const authors = (): string[] =>
  store()
    .list()
    .map(({ by }) => by);

beforeEach(() => begin("primary"));
afterEach(() => {
  life.abort();
  node[Symbol.dispose]();
});

describe("who made a change", () => {
  const call = (second: string, user: string, path: string, method: string): string =>
    `Jan  1 01:00:${second} fw nethsecurity-api[5376]: nethsecurity_api ${localTime(second)} middleware.go:170: [INFO][AUTH] authorization success for user ${user}. POST /api/ubus/call {"path":"${path}","method":"${method}","payload":{"changes":{}}}`;
  const localTime = (second: string): string => {
    const now = new Date(node.clock.now());
    const two = (number: number): string => String(number).padStart(2, "0");
    return `${now.getFullYear()}/${two(now.getMonth() + 1)}/${two(now.getDate())} ${two(now.getHours())}:${two(now.getMinutes())}:${second}`;
  };

  test("the user whose commit the web interface's server logged, not one who only looked, nor one whom a payload names", async () => {
    await recorded(0);
    const at = String(new Date(node.clock.now()).getSeconds()).padStart(2, "0");
    log = [
      call(at, "goofy", "ns.commit", "commit"),
      call(at, "donald", "ns.dashboard", "service-status"),
      `${call(at, "donald", "ns.x", "y").slice(0, -1)},"z":"${call(at, "mickey", "ns.commit", "commit").replaceAll('"', '\\"')}"}`,
      `Jan  1 01:00:${at} fw dnsmasq[7]: query x ${call(at, "minnie", "ns.commit", "commit").slice(19)}`,
      call(at, "cut", "ns.commit", "commit").slice(0, -20),
      "",
    ].join("\n");
    edit("one");
    await recorded(1);
    expect(authors()).toEqual(["goofy (web interface)"]);
    log = "";
    edit("two");
    await recorded(2);
    expect(authors()[1]).toBe("uid 0");
  });

  test("the primary, for what the synchronisation brought; the agent itself at a transition", async () => {
    life.abort();
    node[Symbol.dispose]();
    begin("backup");
    await recorded(0);
    appliedAt = node.clock.now() + 1;
    edit("from the primary");
    await recorded(1);
    node.state = "master";
    part.onState();
    edit("taken over");
    await recorded(2);
    expect(authors()).toEqual(["the primary node", "ns-ha, as master"]);
    expect(await rollback(0)).toMatchObject({ refused: { error: "not_on_the_backup" } });
  });
});

describe("what a change was", () => {
  test("is told line by line; state, temporary files and exports are no change", async () => {
    await recorded(0);
    edit("one");
    node.machine.files.write("/etc/ha/firewall", "an export");
    node.machine.files.write("/tmp/dhcp.leases", "a lease");
    await recorded(1);
    expect(newest(node.machine, 5)).toMatchObject([{ id: 1, files: [{ path: firewallPath, change: "changed" }] }]);
    expect(shown(node.machine, 1, Infinity).changes[0]?.diff.split("\n")).toEqual(
      expect.arrayContaining([`--- ${firewallPath}`, "-\toption name 'lan'", "+\toption name 'one'"]) as string[],
    );
    const { call, output } = fakeCall(node.host, { args: { id: "1" } });
    expect([await show(call), output.out]).toEqual([
      0,
      expect.stringContaining("\n+    option name 'one'\n") as string,
    ]);
    expect(shown(node.machine, 1, 10).changes[0]?.diff).toContain(`ns-ha-config show 1 ${firewallPath}`);
    expect(() => shown(node.machine, 9, 10)).toThrow("no change 9");
  });

  test("a full disk is a condition, and the change is recorded when there is room", async () => {
    await recorded(0);
    node.diskFull = true;
    edit("one");
    await until(
      async () => {
        await node.clock.sleep(1000);
        await part.tick.run();
        return node.conditions.list().some(({ code }) => code === "changes_not_recorded");
      },
      { what: "the condition", timeoutMs: 10_000 },
    );
    node.diskFull = false;
    await recorded(1);
    expect([store().list().length, node.conditions.list()]).toEqual([1, []]);
  });
});

describe("rollback", () => {
  beforeEach(async () => {
    await recorded(0);
    edit("one");
    await recorded(1);
    edit("two");
    node.machine.files.write("/etc/config/mwan3", "config globals 'globals'\n");
    node.machine.files.write(
      "/etc/config/keepalived",
      `${node.machine.files.readText("/etc/config/keepalived")}\n# a note\n`,
    );
    await recorded(2);
  });
  const text = (): string => node.machine.files.readText(firewallPath) ?? "";

  test("writes what was there, reloads, leaves the cluster's own alone, and can be undone", async () => {
    expect(await rollback(1, [], true)).toEqual({
      changed: [firewallPath, "/etc/config/mwan3"],
      left: ["/etc/config/keepalived"],
    });
    expect(text()).toContain("'two'");
    expect(await rollback(1)).toMatchObject({ changed: [firewallPath, "/etc/config/mwan3"], revision: 3 });
    expect([text().includes("'one'"), node.machine.files.exists("/etc/config/mwan3")]).toEqual([true, false]);
    expect(node.machine.files.readText("/etc/config/keepalived")).toContain("# a note");
    expect(authors()[2]).toBe("ns-ha-config rollback 1");
    expect(await rollback(2)).toMatchObject({ revision: 4 });
    expect([text().includes("'two'"), node.machine.files.exists("/etc/config/mwan3")]).toEqual([true, true]);
    expect(await rollback(2)).toEqual({ changed: [], left: [] });
  });

  test("of one file only; and of what nobody recorded yet", async () => {
    edit("not recorded yet");
    expect(await rollback(0, [firewallPath])).toMatchObject({ changed: [firewallPath] });
    expect([text().includes("ns_wan"), node.machine.files.exists("/etc/config/mwan3")]).toEqual([true, true]);
    await rollback(3, [firewallPath]);
    expect(text()).toContain("'not recorded yet'");
  });

  test("a full disk leaves everything as it was", async () => {
    node.diskFull = true;
    expect(await rollback(1)).toMatchObject({ refused: { error: "rollback_failed" } });
    expect([text().includes("'two'"), node.machine.files.exists("/etc/config/mwan3")]).toEqual([true, true]);
    edit("not recorded");
    expect(await rollback(1)).toMatchObject({ refused: { error: "disk_full" } });
    expect(text()).toContain("'not recorded'");
  });

  test("is refused whole: no such change, a damaged content, a content that was lost, a folder that is a link now", async () => {
    const { files } = node.machine;
    const refusedWith = async (id: number): Promise<unknown> => (await rollback(id)).refused;
    expect(await refusedWith(77)).toMatchObject({ error: "no_such_revision" });
    files.write(firewallPath, "\0".repeat(60));
    await recorded(3);
    edit("healed");
    await recorded(4);
    expect(await refusedWith(3)).toMatchObject({ error: "revision_lost_content" });
    for (const name of files.list(`${revisionsDir}/objects`)) files.write(`${revisionsDir}/objects/${name}`, "damaged");
    expect(await refusedWith(1)).toMatchObject({ error: "revision_incomplete" });
    expect(text()).toContain("'healed'");
  });
});
