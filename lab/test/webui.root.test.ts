/**
 * All cases of test-data/contracts/webui.json against the plugins that are installed on a firewall, called as the API server calls them: the plugin as a
 * program, the arguments on its standard input, standard error joined to standard output. Portal, backup server and controller are the lab's.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Expectation, mismatches } from "@nethsec/host/testing/expectation";
import { paced } from "@nethsec/host/testing/pace";
import { until } from "@nethsec/host/testing/until";
import { Fleet, secrets } from "../src/fleet.ts";
import { makeCluster } from "../src/ha-cluster.ts";
import { Lab } from "../src/lab.ts";

setDefaultTimeout(paced(90_000));

interface Case {
  readonly name: string;
  readonly given: Readonly<Record<string, string>>;
  readonly args: Readonly<Record<string, unknown>>;
  readonly expect: Expectation;
  readonly then?: readonly string[];
}
interface Contract {
  readonly fixtures: {
    readonly dpireport_tree: { readonly below: string; readonly files: Readonly<Record<string, unknown>> };
  };
  readonly calls: readonly { readonly object: string; readonly method: string; readonly cases?: readonly Case[] }[];
}
const contract: Contract = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../test-data/contracts/webui.json"), "utf8"),
);
const cases = contract.calls.flatMap(({ object, method, cases: list = [] }) =>
  list.map((each) => ({ title: `${object} ${method}: ${each.name}`, object, method, each })),
);
const inCluster = cases.filter(({ each }) => each.given["ha"]?.startsWith("primary") === true);
const alone = cases.filter((each) => !inCluster.includes(each));

const firewall = "primary";
const downloads = "/var/run/ns-api-server/downloads";
const passphrase = "an example passphrase";

let lab: Lab;
let fleet: Fleet;
let portalIsUp = true;
beforeAll(async () => {
  lab = await Lab.up({ name: `webui${process.pid}` });
  fleet = new Fleet(lab);
}, paced(90_000));
afterAll(() => lab?.down());

const sh = (script: string): Promise<string> => lab.sh(firewall, script, { timeoutMs: paced(60_000) });

/** Calls a plugin like the API server; returns the answer and the duration. */
async function ask(object: string, method: string, args: unknown): Promise<{ answer: unknown; tookMs: number }> {
  const started = performance.now();
  const { stdout, code } = await lab.exec(
    firewall,
    ["sh", "-c", `exec /usr/libexec/rpcd/${object} call ${method} 2>&1`],
    {
      ok: "any",
      stdin: JSON.stringify(args),
      timeoutMs: paced(60_000),
    },
  );
  expect({ code, stdout }).toMatchObject({ code: 0 });
  return { answer: JSON.parse(stdout), tookMs: performance.now() - started };
}

async function subscribe(plan: string): Promise<void> {
  const now = await sh("uci -q get ns-plug.config.type || true");
  if (now === (plan === "none" ? "" : plan)) return;
  if (now !== "") await sh("unregister");
  if (plan === "community" || plan === "enterprise") await sh(`register ${plan} ${secrets[plan]}`);
}

async function portal(up: boolean): Promise<void> {
  if (up === portalIsUp) return;
  await (up ? lab.boot("portal") : lab.kill("portal"));
  portalIsUp = up;
}

async function controller(state: string): Promise<void> {
  await ask("ns.plug", "unregister", {});
  if (state === "unregistered") return;
  if (state === "connected") await subscribe("none");
  const code = await fleet.addUnit(`webui-${Math.round(performance.now())}`);
  await fleet.join(firewall, code);
  if (state !== "connected") return;
  await fleet.controller("approve", code.unit_id);
  await fleet.untilConnected(firewall);
}

/** Replaces the backups on the server by those of the case; returns the id of the first. */
async function backupServer(how: string): Promise<string> {
  await sh("for id in $(remote-backup list | jq -r '.[].id'); do remote-backup delete $id >/dev/null; done");
  if (how.includes("empty")) return "";
  for (const name of ["backup-1767139200.tar.gz", "backup-1767225600.tar.gz.gpg"])
    await sh(
      `head -c 300 /dev/zero | tr '\\0' '\\377' >/tmp/${name}; remote-backup upload /tmp/${name}; rm /tmp/${name}`,
    );
  return sh("remote-backup list | jq -r '.[0].id'");
}

/** Sets up the initial state of a case; returns the values of its $names. Portals are up meanwhile. */
async function given(state: Case["given"]): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  await portal(true);
  // A controller may accept only units without a subscription.
  if (state["subscription"] !== undefined) await subscribe(state["subscription"]);
  for (const [what, how] of Object.entries(state)) {
    if (what === "subscription") continue;
    if (what === "passphrase")
      await sh(
        how === "set"
          ? `printf '%s' '${passphrase}' >/etc/backup.pass; chmod 600 /etc/backup.pass`
          : "rm -f /etc/backup.pass",
      );
    else if (what === "backup_server" && how !== "up") values["$id"] = await backupServer(how);
    else if (what === "controller") await controller(how);
    else if (what === "inventory") {
      await sh("rm -f /tmp/inventory-sent.json");
      if (how === "sent") await subscribe("enterprise").then(() => sh("send-inventory"));
    } else if (what === "option ns-plug.config.require_encryption")
      await sh("uci set ns-plug.config.require_encryption=1; uci commit ns-plug");
    else if (what === "upload") {
      const made = String(Object((await ask("ns.backup", "backup", { encrypted: false })).answer).backup);
      values["$upload"] = "upload-1e20f4b3-e581-454c-9162-ca33885eb223";
      await sh(
        `mkdir -p ${downloads}/../uploads; mv ${downloads}/${made} ${downloads}/../uploads/${values["$upload"]}; ` +
          "uci set system.@system[0].description=changed-since; uci commit system",
      );
    } else if (what === "tree") {
      const { below, files } = contract.fixtures.dpireport_tree;
      for (const [path, content] of Object.entries(files))
        await sh(`mkdir -p "$(dirname ${below}/${path})"; echo '${JSON.stringify(content)}' >${below}/${path}`);
    } else if (!["portal", "portal_answer", "backup_server", "ha"].includes(what))
      throw new Error(`nobody can set up "${what}"`);
  }
  if (state["portal"] === "down") await portal(false);
  return values;
}

interface Before {
  readonly inventories: number;
  readonly heartbeats: number;
  readonly requests: number;
  readonly boot: string;
}
const bootOf = (): Promise<string> => lab.sh(firewall, "stat -c %Y.%Z /proc/1; cut -d' ' -f22 /proc/1/stat");
async function before(): Promise<Before> {
  if (!portalIsUp) return { inventories: 0, heartbeats: 0, requests: 0, boot: await bootOf() };
  return {
    inventories: (await fleet.portal("inventories")).length,
    heartbeats: (await fleet.portal("heartbeats")).length,
    requests: (await fleet.portalRequests()).length,
    boot: await bootOf(),
  };
}

const made = (answer: unknown): string => `${downloads}/${String(Object(answer).backup)}`;
const opened = (path: string): string =>
  `printf '%s' '${passphrase}' >/tmp/pass; gpg --batch --quiet --pinentry-mode loopback --passphrase-file /tmp/pass -d ${path} 2>/dev/null | head -c 2 | od -An -tx1; rm /tmp/pass`;
const newRequests = async (then: Before): Promise<string[]> =>
  (await fleet.portalRequests()).slice(then.requests).map(({ method, path }) => `${method} ${path}`);

/** Checks for the state after a call, keyed by the contract's wording. */
const checks: Readonly<
  Record<string, (answer: unknown, then: Before, values: Record<string, string>) => Promise<void>>
> = {
  "portal received one inventory and one heartbeat": async (_, then) => {
    expect(await fleet.portal("inventories")).toHaveLength(then.inventories + 1);
    expect(await fleet.portal("heartbeats")).toHaveLength(then.heartbeats + 1);
  },
  "uci ns-plug.config.unit_name is the host name": async () =>
    expect(await sh("uci get ns-plug.config.unit_name")).toBe(await sh("cat /proc/sys/kernel/hostname")),
  "file exists below /var/run/ns-api-server/downloads/, starts with bytes 1f 8b": async (answer) =>
    expect(await sh(`head -c 2 ${made(answer)} | od -An -tx1`)).toBe(" 1f 8b"),
  "file exists, is OpenPGP (gpg opens it with the passphrase), plain copy is gone": async (answer) => {
    expect(await sh(opened(made(answer)))).toBe(" 1f 8b");
    expect(await sh("ls -d /var/run/ns-plug/restore.* 2>/dev/null || echo none")).toBe("none");
  },
  "reboot was asked for": async (_, then) => {
    await until(async () => (await bootOf().catch(() => then.boot)) !== then.boot, {
      what: "the firewall starts again",
      timeoutMs: 60_000,
    });
    await until(async () => (await sh("pgrep -f /usr/sbin/crond || true")) !== "", {
      what: "its services run",
      timeoutMs: paced(30_000),
    });
  },
  "configuration is that of the archive": async () =>
    expect(await sh("uci -q get system.@system[0].description || echo none")).toBe("none"),
  "/etc/backup.pass exists": async () =>
    expect(await sh("cat /etc/backup.pass; stat -c ' %a' /etc/backup.pass")).toBe(`${passphrase} 600`),
  "/etc/backup.pass is gone": async () => expect(await sh("ls /etc/backup.pass 2>/dev/null || echo gone")).toBe("gone"),
  "server received nothing": async (_, then) => {
    expect((await newRequests(then)).filter((line) => line.startsWith("PUT"))).toEqual([]);
    await sh("uci -q delete ns-plug.config.require_encryption; uci commit ns-plug");
  },
  "server received one gpg file whose name ends in .gpg": async (_, then) => {
    const puts = (await newRequests(then)).filter((line) => line.startsWith("PUT"));
    expect(puts).toEqual([expect.stringMatching(/\.gpg$/)]);
    expect(
      await sh(
        `remote-backup download $(remote-backup list | jq -r '.[0].id') /tmp/sent; ${opened("/tmp/sent")}; rm /tmp/sent`,
      ),
    ).toEndWith(" 1f 8b");
  },
  "no file left below /var/run/ns-api-server/downloads/": async () =>
    expect(
      await sh(
        `find ${downloads} -newer /proc/self -type f 2>/dev/null; ls /var/run/ns-plug | grep -E '^(backup|restore\\.)$' || true`,
      ),
    ).toBe(""),
  "file below /var/run/ns-api-server/downloads/ has the server's bytes": async (answer) =>
    expect(await sh(`tr -d '\\377' <${made(answer)} | wc -c; wc -c <${made(answer)}`)).toBe("0\n300"),
  "server received DELETE of that id": async (_, then, values) =>
    expect(await newRequests(then)).toContain(`DELETE /enterprise/api/v2/backup/${values["$id"]}`),
};

async function check(object: string, method: string, each: Case): Promise<void> {
  const values = await given(each.given);
  const replaced = JSON.stringify(each.args).replaceAll(/\$\w+/g, (name) => values[name] ?? name);
  const args: Record<string, unknown> = JSON.parse(replaced);
  if (args["join_code"] === "valid")
    args["join_code"] = Buffer.from(JSON.stringify(await fleet.addUnit("webui-code"))).toString("base64");
  const then = await before();
  const { answer, tookMs } = await ask(object, method, args);
  expect(mismatches(answer, each.expect, (tookMs * 1000) / paced(1000))).toEqual([]);
  for (const sentence of each.then ?? []) {
    const holds = checks[sentence];
    if (holds === undefined) throw new Error(`nobody checks "${sentence}"`);
    await holds(answer, then, values);
  }
}

test("the contract has 54 cases, two of them of a cluster", () => {
  expect([cases.length, inCluster.length]).toEqual([54, 2]);
});

describe("a firewall", () => {
  test.each(alone)("$title", ({ object, method, each }) => check(object, method, each));
});

describe("a cluster", () => {
  beforeAll(async () => {
    await lab.down();
    lab = await Lab.up({ name: `webuiha${process.pid}` });
    await makeCluster(lab);
    fleet = new Fleet(lab);
    portalIsUp = true;
  }, paced(120_000));

  const away = inCluster.filter(({ each }) => each.given["ha"]?.includes("backup off") === true);
  test.each(inCluster.filter((each) => !away.includes(each)))("$title", ({ object, method, each }) =>
    check(object, method, each),
  );

  test.each(away)("$title", async ({ object, method, each }) => {
    await lab.kill("backup");
    await sh("uci set objects.webui=test; uci commit objects");
    await until(async () => mismatches((await ask(object, method, each.args)).answer, each.expect, 0).length === 0, {
      what: "the primary says that its backup is away",
      timeoutMs: 60_000,
    });
  });
});
