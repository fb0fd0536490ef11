/** Posts alerts of vmalert as a client of Alertmanager does, and checks what reaches the portal. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { until } from "@nethsec/host/testing/until";
import { serveAlerts } from "./alert-proxy.ts";
import { sendMwanAlert } from "./mwan.ts";
import { readAlerts } from "./queue.ts";

let portal: Bun.Server<undefined>;
let isAway = false;
let told: string[] = [];
let asked = 0;

beforeAll(() => {
  portal = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      asked += 1;
      if (isAway) return new Response("", { status: 503 });
      const { alert_id, status }: { alert_id: string; status: string } = JSON.parse(await request.text());
      told.push(`${alert_id} ${status}`);
      return new Response("{}");
    },
  });
});
afterAll(() => portal.stop(true));
beforeEach(() => {
  [told, isAway, asked] = [[], false, 0];
});

const subscribed = (): FakeHost =>
  fakeHost({
    now: Date.parse("2026-11-28T00:00:00Z"),
    files: {
      "/etc/config/ns-plug": `config main 'config'\n\toption type 'community'\n\toption system_id 'lk'\n\toption secret 's'\n\toption alerts_url 'http://127.0.0.1:${portal.port}/'\n`,
    },
  });

const future = "2026-11-28T00:20:00.123456789Z";
const past = "2026-11-27T23:59:00.123456789Z";
const alert = (alertname: string, endsAt: string | undefined, labels: object = {}): object => ({
  labels: { alertname, severity: "critical", ...labels },
  annotations: { summary_en: "x" },
  startsAt: "2026-11-27T23:50:00Z",
  ...(endsAt === undefined ? {} : { endsAt }),
  generatorURL: "http://fw:8082/",
});

async function post(url: string, body: unknown): Promise<number> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return (await fetch(`${url}/api/v2/alerts`, { method: "POST", body: text })).status;
}

test("each released name becomes its alert; firing and resolved by endsAt; anything else is nothing", async () => {
  using host = subscribed();
  const server = await serveAlerts(host, 0);
  try {
    const status = await post(server.url, [
      alert("WanDown", future, { interface: "wan2" }),
      alert("DiskSpaceCritical", undefined, { path: "/" }),
      alert("DiskSpaceCritical", "0001-01-01T00:00:00Z", { path: "/boot" }),
      alert("DiskSpaceCritical", future, { path: "/mnt/data" }),
      alert("BackupEncryptionDisabled", future),
      alert("StorageStatus", past),
      alert("HaPrimaryFailed", future),
      alert("HaSyncFailed", "no time"),
      alert("HighCpuUsage", future),
      alert("WanDown", future, { interface: "../x" }),
      { labels: { alertname: 5 } },
      {},
    ]);
    expect(status).toBe(200);
    await until(() => told.length === 7, { what: "the portal has been told" });
    expect(told.toSorted()).toEqual([
      "backup:config:notencrypted FAILURE",
      "df:boot:percent_bytes:free FAILURE",
      "df:root:percent_bytes:free FAILURE",
      "ha:primary:failed FAILURE",
      "ha:sync:failed FAILURE",
      "storage:status OK",
      "wan:wan2:down FAILURE",
    ]);
    // vmalert posts the firing alerts again at each evaluation.
    expect(
      await post(server.url, {
        alerts: [alert("WanDown", future, { interface: "wan2" }), alert("StorageStatus", future)],
      }),
    ).toBe(200);
    await until(() => told.length === 8, { what: "the one that changed has been told" });
    expect(told.at(-1)).toBe("storage:status FAILURE");
    expect((await fetch(server.url)).status).toBe(200);
    for (const body of ["{", '"x"', "5"]) expect(await post(server.url, body)).toBe(400);
  } finally {
    await server.stop();
  }
});

test("while the portal is away alerts wait, the newest state of each; the answer does not wait", async () => {
  using host = subscribed();
  isAway = true;
  const server = await serveAlerts(host, 0);
  try {
    expect(await post(server.url, [alert("HaSyncFailed", future)])).toBe(200);
    expect(await post(server.url, [alert("HaSyncFailed", past), alert("StorageStatus", future)])).toBe(200);
    const waiting = readAlerts(host).map(({ id, wanted }) => `${id} ${wanted}`);
    expect(waiting.toSorted()).toEqual(["ha:sync:failed OK", "storage:status FAILURE"]);
    await until(() => asked > 0, { what: "the portal was asked" });
  } finally {
    await server.stop();
  }
});

test("where mwan3's hook tells of a WAN, a late word of vmalert's about it does not count", async () => {
  using host = subscribed();
  const server = await serveAlerts(host, 0);
  try {
    await sendMwanAlert(host, { action: "connected", interface: "wan2", device: "eth2" }, new AbortController().signal);
    await post(server.url, [alert("WanDown", future, { interface: "wan2" }), alert("HaPrimaryFailed", future)]);
    await until(() => told.includes("ha:primary:failed FAILURE"), { what: "the other one has been told" });
    const wan = readAlerts(host).find(({ id }) => id === "wan:wan2:down");
    expect([wan?.delivered, wan?.wanted]).toEqual(["OK", undefined]);
  } finally {
    await server.stop();
  }
});

test("without a subscription, and on the silent node of a pair, the portal hears nothing", async () => {
  using without = fakeHost();
  const first = await serveAlerts(without, 0);
  using silent = subscribed();
  silent.cron.set("send-heartbeat", "*/10 * * * * /usr/sbin/send-heartbeat");
  silent.cron.suspend(["send-heartbeat"]);
  const second = await serveAlerts(silent, 0);
  try {
    for (const { url } of [first, second]) expect(await post(url, [alert("HaSyncFailed", future)])).toBe(200);
    expect(readAlerts(without)).toEqual([]);
    expect(readAlerts(silent)).toMatchObject([{ id: "ha:sync:failed", wanted: "FAILURE" }]);
    expect(told).toEqual([]);
  } finally {
    await first.stop();
    await second.stop();
  }
});
