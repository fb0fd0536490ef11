/** The dump file of the real keepalived, in its own network namespace: its path by TMPDIR, and the effect of a folder with that name. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Process } from "@nethsec/host/host";
import { localHost } from "@nethsec/host/local/local-host";
import { messageOf } from "@nethsec/host/message-of";
import { paced } from "@nethsec/host/testing/pace";
import { until } from "@nethsec/host/testing/until";
import { holdPlace } from "../cluster/hold-place.ts";
import { dumpPathOf } from "./keepalived-process.ts";
import { askDump, jsonSignal } from "./vrrp.ts";

setDefaultTimeout(paced(60_000));

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
    { env: { TMPDIR: folder } },
  );
  const said: Promise<string>[] = [keepalived.stdout, keepalived.stderr].map((stream) => new Response(stream).text());
  await until(() => readFileIfAny(join(folder, "vrrp_pid")) !== "", {
    what: "keepalived has written its pid file",
    timeoutMs: 20_000,
  }).catch(async (error: unknown) => {
    await keepalived.kill("SIGTERM");
    throw new Error(`${messageOf(error)}; it said: ${(await Promise.all(said)).join("")}`);
  });
  pid = Number(readFileIfAny(join(folder, "vrrp_pid")));
});

function readFileIfAny(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8").trim() : "";
}

afterAll(async () => {
  await keepalived.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

/** keepalived answers each query at once, but may still be starting. */
async function answer(): Promise<string | undefined> {
  return (await askDump(host, { pid, path: dump, instance: "one", signal: await jsonSignal(host) }))?.state;
}

test("it writes where TMPDIR in its environment says", async () => {
  expect(dumpPathOf(host, pid)).toBe(dump);
  await until(async () => (await answer()) !== undefined, { what: "keepalived answers", timeoutMs: 20_000 });
  expect(["backup", "master"]).toContain(String(await answer()));
});

test("a folder of that name keeps it from answering; moved aside, it answers again, and its content is left alone", async () => {
  rmSync(dump);
  mkdirSync(join(dump, "deep"), { recursive: true });
  expect(await answer()).toBeUndefined();
  expect(holdPlace(host, dump)).toBe(true);
  expect(["backup", "master"]).toContain(String(await answer()));
  const aside = readdirSync(folder).find((name) => name.startsWith("keepalived.json."));
  expect(readdirSync(join(folder, aside ?? "none"))).toEqual(["deep"]);
});
