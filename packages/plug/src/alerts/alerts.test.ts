import { expect, test } from "bun:test";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { sendMwanAlert } from "./mwan.ts";
import { alertOfNetdata, disableAlerts, enableAlerts, notifyConfPath, sendNetdataAlert } from "./netdata.ts";
import { readAlerts } from "./queue.ts";
import { applyReceivers } from "./set-up.ts";

test.each([
  ["disk_space._", "CRITICAL", { id: "df:root:percent_bytes:free", status: "FAILURE" }],
  ["disk_space._overlay", "CLEAR", { id: "df:root:percent_bytes:free", status: "OK" }],
  ["disk_space._boot", "CRITICAL", { id: "df:boot:percent_bytes:free", status: "FAILURE" }],
  ["disk_space._", "WARNING", undefined],
  ["disk_space._mnt", "CRITICAL", undefined],
  ["system.cpu", "CRITICAL", undefined],
])("netdata's %s %s", (chart, status, alert) => {
  expect(alertOfNetdata(chart, status)).toEqual(alert as ReturnType<typeof alertOfNetdata>);
});

test("netdata's settings are written once; a file that is not ours is left alone, or kept beside when ours takes its place", async () => {
  using host = fakeHost();
  await enableAlerts(host);
  expect(host.files.readText(notifyConfPath)).toContain('SEND_CUSTOM="YES"');
  await disableAlerts(host);
  expect(host.files.readText(notifyConfPath)).toContain('SEND_CUSTOM="NO"');
  host.files.write(notifyConfPath, "# mine\n");
  await disableAlerts(host);
  expect(host.files.readText(notifyConfPath)).toBe("# mine\n");
  await enableAlerts(host);
  expect(host.files.readText(notifyConfPath)).toContain('SEND_CUSTOM="YES"');
  expect(host.files.readText(`${notifyConfPath}.before-ns-plug`)).toBe("# mine\n");
});

test("a start of the service leaves alone what the administrator made of netdata's settings after a registration", async () => {
  using host = fakeHost({ files: subscribed });
  host.files.write(notifyConfPath, "# of the image\n");
  await applyReceivers(host);
  expect(host.files.readText(notifyConfPath)).toBe("# of the image\n");
  await enableAlerts(host);
  host.files.write(notifyConfPath, "# mine\n");
  await applyReceivers(host);
  expect(host.files.readText(notifyConfPath)).toBe("# mine\n");
});

test("with another receiver netdata is set up once without a subscription, and a file that replaced ours stays", async () => {
  using host = fakeHost({
    files: {
      "/etc/config/ns-plug": "config alerts 'alerts'\n\tlist mail 'a@example.org'\n",
      [notifyConfPath]: "# of the image\n",
    },
  });
  await applyReceivers(host);
  expect(host.files.readText(notifyConfPath)).toContain('SEND_CUSTOM="YES"');
  host.files.write(notifyConfPath, "# mine\n");
  await applyReceivers(host);
  expect(host.files.readText(notifyConfPath)).toBe("# mine\n");
});

/** The portal is unreachable (nothing listens there), so alerts stay in the queue, where the tests read them. */
const subscribed = {
  "/etc/config/ns-plug":
    "config main 'config'\n\toption type 'community'\n\toption system_id 'lk'\n\toption secret 's'\n\toption alerts_url 'http://127.0.0.1:9/'\n",
};
const event = (action: string, name = "wanb") => ({ action, interface: name, device: "eth2" });
const { signal } = new AbortController();

test("netdata on the silent node of a pair: the portal is not asked before that node carries the site", async () => {
  using host = fakeHost({ files: subscribed });
  host.cron.set("send-heartbeat", "*/10 * * * * /usr/sbin/send-heartbeat");
  host.cron.suspend(["send-heartbeat"]);
  expect(await sendNetdataAlert(host, "disk_space._", "CRITICAL")).toBe("queued");
  expect(host.logged).toEqual([]);
  expect(readAlerts(host)).toMatchObject([{ id: "df:root:percent_bytes:free", wanted: "FAILURE" }]);
  host.cron.resume(["send-heartbeat"]);
  const sent = sendNetdataAlert(host, "disk_space._", "CRITICAL");
  await host.clock.advance(60_000);
  expect(await sent).toBe("queued");
  expect(host.logged.join()).toContain("alert df:root:percent_bytes:free waits to be sent");
});

test("a WAN that is down for 30 seconds is told, and logged as documented", async () => {
  using host = fakeHost({ files: subscribed });
  const sent = sendMwanAlert(host, event("disconnected"), signal);
  await host.clock.advance(29_000);
  expect(readAlerts(host)).toEqual([]);
  await host.clock.advance(2000);
  expect(readAlerts(host)).toMatchObject([{ id: "wan:wanb:down", wanted: "FAILURE" }]);
  expect(host.logged).toContain("mwan3-alert info: Sending alert wan:wanb:down with status FAILURE");
  void sent;
});

test("one that comes back earlier is not, and the newest event wins", async () => {
  using host = fakeHost({ files: subscribed });
  const first = sendMwanAlert(host, event("disconnected"), signal);
  await host.clock.advance(10_000);
  void sendMwanAlert(host, event("connected"), signal);
  await host.clock.advance(60_000);
  expect(await first).toBe("cancelled");
  expect(readAlerts(host)).toMatchObject([{ id: "wan:wanb:down", wanted: "OK" }]);
});

test.each([
  ["ifup", "wan"],
  ["disconnected", "../../etc/passwd"],
  ["disconnected", ""],
])("%s of %p is nothing", async (action, name) => {
  using host = fakeHost({ files: subscribed });
  expect(await sendMwanAlert(host, event(action, name), signal)).toBe("ignored");
});

test("without a subscription nothing waits and nothing is sent", async () => {
  using host = fakeHost();
  expect(await sendMwanAlert(host, event("connected"), signal)).toBe("ignored");
});
