/** The real keepalived and the file that it writes: where its environment says, and what a folder of that name does to it. In a network of its own. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Process } from "@nethsec/host/host";
import { localHost } from "@nethsec/host/local/local-host";
import { holdPlace } from "../cluster/hold-place.ts";
import { dumpPathOf } from "./keepalived-process.ts";
import { askDump } from "./vrrp.ts";

const host = localHost();
const folder = mkdtempSync("/tmp/nethsec-dump-");
const dump = join(folder, "keepalived.json");
let keepalived: Process;
let pid: number;

beforeAll(async () => {
  const conf = join(folder, "keepalived.conf");
  writeFileSync(
    conf,
    "global_defs {\n\tprocess_names\n}\nvrrp_instance one {\n\tinterface br0\n\tvirtual_router_id 7\n\tpriority 100\n\tadvert_int 1\n}\n",
  );
  const pids = ["pid", "vrrp_pid", "checkers_pid"].map((name) => `--${name}=${join(folder, name)}`).join(" ");
  keepalived = host.run.spawn(
    [
      "unshare",
      "--net",
      "sh",
      "-c",
      `ip link add br0 type bridge && ip address add 192.0.2.1/24 dev br0 && ip link set br0 up && exec keepalived -n -l -f ${conf} ${pids}`,
    ],
    { env: { TMPDIR: folder }, stdout: "ignore", stderr: "ignore" },
  );
  const end = Date.now() + 20_000;
  while (!readdirSync(folder).includes("vrrp_pid") || readFileSync(join(folder, "vrrp_pid"), "utf8").trim() === "") {
    if (Date.now() > end) throw new Error("keepalived did not start within 20 s");
    await Bun.sleep(20);
  }
  pid = Number(readFileSync(join(folder, "vrrp_pid"), "utf8"));
}, 30_000);

afterAll(async () => {
  await keepalived.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

/** It answers each question at once, but it may still be starting. */
async function answer(): Promise<string | undefined> {
  return (await askDump(host, pid, dump, "one"))?.state;
}

test("it writes where TMPDIR in its environment says", async () => {
  expect(dumpPathOf(host, pid)).toBe(dump);
  const end = Date.now() + 20_000;
  while ((await answer()) === undefined) if (Date.now() > end) throw new Error("no answer within 20 s");
  expect(["backup", "master"]).toContain(String(await answer()));
}, 60_000);

test("a folder of that name keeps it from answering; moved aside, it answers again, and its content is left alone", async () => {
  rmSync(dump);
  mkdirSync(join(dump, "deep"), { recursive: true });
  expect(await answer()).toBeUndefined();
  expect(holdPlace(host, dump)).toBe(true);
  expect(["backup", "master"]).toContain(String(await answer()));
  const aside = readdirSync(folder).find((name) => name.startsWith("keepalived.json."));
  expect(readdirSync(join(folder, aside ?? "none"))).toEqual(["deep"]);
}, 60_000);
