/** Devices and groups: on the terminal, the pages, as JSON and CSV, in roll-ups; each device keeps what it used when an address moves. */
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type FakeHost, fakeHost } from "@nethsec/host/testing/fake-host";
import { paced } from "@nethsec/host/testing/pace";
import { ask as askSite, quietSite } from "../../test/quiet-site.ts";
import { runCommand } from "../../test/run-command.ts";
import { run as exportDay } from "../cli/export.ts";
import { run as quota } from "../cli/quota.ts";
import { run as search } from "../cli/search.ts";
import { run as summary } from "../cli/summary.ts";
import { run as top } from "../cli/top.ts";
import { run as rpcd } from "../rpcd/ns-dpireport.ts";
import { DeviceLog } from "../store/device-log.ts";
import { cellOf, emptyClient } from "../store/hour-counters.ts";
import { hourKey, type Day } from "../store/hour-key.ts";
import { writeHour } from "../store/hour-store.ts";
import { readRolledDay, readRolledMonth } from "../store/roll-up-files.ts";
import { rollUp } from "../store/roll-up.ts";

setDefaultTimeout(paced(60_000));

const base = "/var/run/dpireport";
const now = new Date(2026, 10, 22, 13, 30).getTime();
const [today, yesterday]: Day[] = [
  { year: 2026, month: 11, day: 22 },
  { year: 2026, month: 11, day: 21 },
] as const satisfies Day[];
const [anna, bert] = ["4a:d3:49:8f:86:ca", "56:70:92:68:27:90"];
const ended = new AbortController();
let host: FakeHost;

/** Anna has .7, an IPv6 address and no name of her own; on 21 November at 12 Bert takes .7 over. Nobody knows whose .30.5 is. */
beforeEach(() => {
  host = fakeHost({ now });
  const traffic = (day: Day | undefined, hour: number, client: string, bytes: number, host_: string): void => {
    if (day === undefined) throw new Error("a day");
    const counters = emptyClient();
    counters.total = bytes;
    cellOf(counters.protocol, "http/s").bytes = bytes;
    cellOf(counters.application, "netify.google").bytes = bytes;
    cellOf(counters.host, host_).bytes = bytes;
    writeHour(host.files, base, hourKey(day, hour), client, counters);
  };
  for (const day of [yesterday, today]) {
    traffic(day, 9, "192.168.1.7", 1000, "a.example");
    traffic(day, 9, "fd00::7", 200, "a.example");
    traffic(day, 12, "192.168.1.7", 30_000, "b.example");
    traffic(day, 12, "192.168.30.5", 4, "a.example");
  }
  const devices = new DeviceLog(host.files, base);
  devices.note(hourKey(yesterday ?? { year: 0, month: 0, day: 0 }, 9), [
    ["192.168.1.7", anna],
    ["fd00::7", anna],
  ]);
  devices.note(hourKey(yesterday ?? { year: 0, month: 0, day: 0 }, 12), [["192.168.1.7", bert]]);
  host.files.write("/tmp/dhcp.leases", `1800000000 ${bert} 192.168.1.99 berts-phone *\n`);
  host.files.write(
    "/etc/config/network",
    "config interface 'lan'\n\toption proto 'static'\n\tlist ipaddr '192.168.1.1/24'\n\n" +
      "config interface 'guest'\n\toption proto 'static'\n\toption ipaddr '192.168.30.1'\n\toption netmask '255.255.255.0'\n\n" +
      "config interface 'wan'\n\toption proto 'static'\n\toption ipaddr '10.9.9.9'\n\toption netmask '255.255.255.0'\n",
  );
  host.files.write(
    "/etc/config/firewall",
    "config zone\n\toption name 'wan'\n\toption masq '1'\n\tlist network 'wan'\n",
  );
  host.files.write(
    "/etc/config/ns-report",
    `config group 'annas'\n\toption title 'All of Anna'\n\tlist device '${anna}'\n`,
  );
});
afterEach(() => host[Symbol.dispose]());

interface Row {
  readonly id: string;
  readonly device?: string;
  readonly name?: string;
  readonly bytes: number;
}
interface Answer {
  readonly total: number;
  readonly unattributed: number;
  readonly clients: readonly Row[];
  readonly groups: readonly Row[];
  readonly hosts: readonly Row[];
}

const asked = async (range: string, options: Record<string, string> = {}): Promise<Answer> =>
  JSON.parse((await runCommand(summary, host, { args: { range }, options, json: true })).out) as Answer;
const rows = (list: readonly Row[]): unknown[] => list.map(({ id, device, name, bytes }) => [id, device, name, bytes]);
const page = async (path: string): Promise<string> => (await askSite(quietSite(host, base, ended.signal), path)).text();

const onYesterday = [
  ["192.168.1.7", bert, "berts-phone", 30_000],
  ["192.168.1.7", anna, undefined, 1200],
  ["192.168.30.5", undefined, undefined, 4],
];

describe.each([
  ["from the hour files", false],
  ["from roll-ups", true],
])("a day %s", (_, isRolled) => {
  beforeEach(() => {
    if (!isRolled) return;
    rollUp({ files: host.files, base, now: () => now });
    host.files.remove(`${base}/2026/11/21`, { recursive: true });
    expect(readRolledDay(host.files, base, { year: 2026, month: 11, day: 21 })?.clients.toSorted()).toEqual([
      `192.168.1.7@${anna}`,
      `192.168.1.7@${bert}`,
      "192.168.30.5",
      `fd00::7@${anna}`,
    ]);
    expect(readRolledMonth(host.files, base, { year: 2026, month: 11 })?.clients).toHaveLength(4);
  });

  test("each device keeps what it used when an address moves", async () => {
    const { clients, total } = await asked("yesterday");
    expect(rows(clients)).toEqual(onYesterday);
    expect(total).toBe(31_204);
    expect(clients[1]).toMatchObject({
      addresses: [
        { address: "192.168.1.7", bytes: 1000 },
        { address: "fd00::7", bytes: 200 },
      ],
    });
  });

  test("narrowed to a device, to an address, to a group", async () => {
    expect(await asked("yesterday", { client: anna.toUpperCase() })).toMatchObject({
      total: 1200,
      hosts: [{ id: "a.example", bytes: 1200 }],
    });
    expect(await asked("yesterday", { client: "192.168.1.7" })).toMatchObject({ total: 31_000 });
    expect(await asked("yesterday", { client: "192.168.1.7", host: "a.example" })).toMatchObject({ total: 1000 });
    expect(await asked("yesterday", { group: "guest" })).toMatchObject({ total: 4, narrow: { group: "guest" } });
    expect(await asked("yesterday", { group: "annas" })).toMatchObject({ total: 1200, hosts: [{ bytes: 1200 }] });
    expect(await asked("yesterday", { group: "lan", client: anna })).toMatchObject({ total: 1000 });
  });

  test("groups: networks that are no WAN, and those of the configuration", async () => {
    expect((await asked("yesterday")).groups).toMatchObject([
      { id: "lan", title: "lan", bytes: 31_000 },
      { id: "annas", title: "All of Anna", bytes: 1200 },
      { id: "guest", bytes: 4 },
    ]);
  });

  test("search: a device is one row for all of its addresses", async () => {
    const { out } = await runCommand(search, host, { args: { text: "a.exam", range: "yesterday" }, json: true });
    expect(JSON.parse(out)).toMatchObject([
      { client: "192.168.1.7", device: anna, days: 1, bytes: 1200 },
      { client: "192.168.30.5", device: "", days: 1, bytes: 4 },
    ]);
  });
});

test("both days together: a month", async () => {
  rollUp({ files: host.files, base, now: () => now });
  expect(rows((await asked("2026-11")).clients)).toEqual([
    ["192.168.1.7", bert, "berts-phone", 61_000],
    ["192.168.1.7", anna, undefined, 1400],
    ["192.168.30.5", undefined, undefined, 8],
  ]);
});

test("on the terminal", async () => {
  const { out } = await runCommand(summary, host, { args: { range: "yesterday" } });
  expect(out).toMatch(/berts-phone +192\.168\.1\.7 /);
  expect(out).toMatch(/192\.168\.1\.7 +4a:d3:49:8f:86:ca \+1 /);
  expect(out).toMatch(/Group[\s\S]*All of Anna +1\.2 KiB/);
  const one = await runCommand(summary, host, { args: { range: "yesterday", client: anna } });
  expect(one.out).toMatch(/Address[\s\S]*fd00::7 +200 B/);
  expect(runCommand(summary, host, { options: { group: "guests" } })).rejects.toThrow(
    '"guests" is not a group of clients',
  );
});

test("CSV: the device beside the address", async () => {
  const list = await runCommand(top, host, { args: { list: "clients", range: "yesterday" }, options: { csv: true } });
  expect(list.out).toContain(
    `192.168.1.7,berts-phone,30000,96.14,,,${bert},1\r\n192.168.1.7,,1200,3.85,,,${anna},2\r\n`,
  );
  const all = await runCommand(exportDay, host, { args: { day: "yesterday" }, options: { csv: true } });
  expect(all.out).toContain(
    `2026-11-21,9,192.168.1.7,total,,1000,,,${anna}\r\n2026-11-21,12,192.168.1.7,total,,30000,,,${bert}\r\n`,
  );
});

test("a device without a name is called after its maker", async () => {
  const counters = emptyClient();
  counters.total = 7_000_000;
  writeHour(host.files, base, hourKey({ year: 2026, month: 11, day: 21 }, 10), "192.168.1.50", counters);
  const pi = "b8:27:eb:00:00:07";
  new DeviceLog(host.files, base).note(hourKey({ year: 2026, month: 11, day: 21 }, 10), [["192.168.1.50", pi]]);
  expect(rows((await asked("yesterday")).clients)[0]).toEqual([
    "192.168.1.50",
    pi,
    "Raspberry Pi Foundation 00:00:07",
    7_000_000,
  ]);
  expect(await page(`/range/2026-11-21..2026-11-22?client=${encodeURIComponent(pi)}`)).toContain(
    "<h1><bdi>Raspberry Pi Foundation 00:00:07</bdi></h1>",
  );
  expect(await page("/2026-11-21/clients?q=raspberry")).toContain("192.168.1.50");
});

test("pages: a row that opens, the page of a device, groups with links", async () => {
  const day = await page("/2026-11-21");
  expect(day).toContain(`<a href="/2026-11-21?client=${encodeURIComponent(anna)}"><bdi>192.168.1.7</bdi></a>`);
  expect(day).toContain("<summary>2 addresses</summary>");
  expect(day).toContain('<a href="/2026-11-21?group=annas"><bdi>All of Anna</bdi></a>');
  const device = await page(`/2026-11-21?client=${encodeURIComponent(bert)}`);
  expect(device).toContain("<h1><bdi>berts-phone</bdi></h1>");
  expect(device).toContain("<h2>Addresses</h2>");
  expect(await page("/range/2026-11?group=guest")).toContain("<h1><bdi>guest</bdi></h1>");
  expect(await page("/2026-11-21/clients?q=fd00::7")).toContain("<bdi>192.168.1.7</bdi>");
  expect(await page("/2026-11-21?group=nobody")).toContain("This address makes no sense");
});

test("the released methods of rpcd go on to speak of addresses", async () => {
  const { out } = await runCommand(rpcd, host, {
    rest: ["call", "summary"],
    stdin: JSON.stringify({ year: 2026, month: 11, day: 21 }),
  });
  expect(JSON.parse(out)).toMatchObject({
    clients: [
      ["192.168.1.7", 31_000],
      ["fd00::7", 200],
      ["192.168.30.5", 4],
    ],
  });
});

test("a quota of a device and one of a group", async () => {
  const section = (name: string, line: string): string =>
    `config quota '${name}'\n\toption gigabytes '1'\n\tlist ${line}\n\n`;
  host.files.append(
    "/etc/config/ns-report",
    `\n${section("device", `device '${anna}'`)}${section("group", "group 'lan'")}${section("zone", "zone 'wan'")}${section("none", "group 'x'")}`,
  );
  const { quotas, troubles } = JSON.parse((await runCommand(quota, host, { json: true })).out) as {
    quotas: { name: string; used: number }[];
    troubles: string[];
  };
  expect(quotas.map(({ name, used }) => [name, used])).toEqual([
    ["device", 1400],
    ["group", 62_000],
    ["zone", 0],
  ]);
  expect(troubles).toEqual([expect.stringContaining('there is no group "x"') as string]);
});
