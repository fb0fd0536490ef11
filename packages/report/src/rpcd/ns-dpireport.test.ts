import { afterAll, describe, expect, test } from "bun:test";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { runCommand } from "../../test/run-command.ts";
import { writeHour } from "../store/hour-store.ts";
import { cellOf, emptyClient } from "../store/hour-counters.ts";
import { hourKey } from "../store/hour-key.ts";
import { run } from "./ns-dpireport.ts";

const day = { year: 2023, month: 6, day: 16 };
const base = "/var/run/dpireport";
const host = fakeHost({
  now: new Date(2023, 5, 16, 12).getTime(),
  files: {
    "/etc/config/dhcp": "config host\n\toption name 'server'\n\toption ip '192.168.100.22'\n",
    "/var/run/ns-report/names.json": JSON.stringify({ "192.168.100.30": { name: null, until: 9e15 } }),
  },
});
afterAll(() => host[Symbol.dispose]());

function put(
  client: string,
  hour: number,
  total: number,
  names: Readonly<Record<"protocol" | "application" | "host", Readonly<Record<string, number>>>>,
): void {
  const counters = { ...emptyClient(), total };
  for (const section of ["protocol", "application", "host"] as const) {
    for (const [name, bytes] of Object.entries(names[section])) cellOf(counters[section], name).bytes = bytes;
  }
  writeHour(host.files, base, hourKey(day, hour), client, counters);
}
put("192.168.100.22", 0, 300, {
  protocol: { "http/s": 200, dns: 100 },
  application: { "netify.google": 250, unknown: 50 },
  host: { "a.example": 200 },
});
put("192.168.100.22", 11, 100, {
  protocol: { "http/s": 100 },
  application: { "netify.google": 100 },
  host: { "b.example": 100 },
});
put("192.168.100.30", 11, 50, { protocol: { dns: 50 }, application: { "netify.reverse-dns": 50 }, host: {} });

async function ask(method: string, args: object): Promise<unknown> {
  return JSON.parse((await runCommand(run, host, { rest: ["call", method], stdin: JSON.stringify(args) })).out);
}
const date = { year: "2023", month: "06", day: "16" };
const noHours = (traffic: Readonly<Record<string, number>>): [string, number][] =>
  Array.from({ length: 24 }, (_, hour) => String(hour).padStart(2, "0")).map((hour) => [hour, traffic[hour] ?? 0]);

describe("answers", () => {
  test("list", async () => {
    const { out } = await runCommand(run, host, { rest: ["list"] });
    expect(Object.keys(JSON.parse(out))).toEqual([
      "days",
      "summary",
      "summary-by-client",
      "details",
      "summary-v2",
      "range",
      "search",
    ]);
  });

  test("range: a month with its lists, narrowed; what is no range is named", async () => {
    expect(await ask("range", { range: "2023-06", limit: 1 })).toMatchObject({
      from: "2023-06-01",
      to: "2023-06-30",
      total: 450,
      recorded_days: 1,
      clients: [{ id: "192.168.100.22", name: "server", bytes: 400 }],
      hosts: [{ id: "a.example", bytes: 200 }],
      without_a_name: 150,
    });
    const narrowed = { range: "2023-06", client: "192.168.100.22", section: "application", value: "unknown" };
    expect(await ask("range", narrowed)).toMatchObject({ total: 50, unit: "day" });
    const wrong = (parameter: string): object => ({ validation: { errors: [{ parameter }] } });
    expect(await ask("range", { range: "juneish" })).toMatchObject(wrong("range"));
    expect(await ask("range", { range: "2023-06", section: "host" })).toMatchObject(wrong("value"));
  });

  test("search: who visited a host, and when", async () => {
    expect(await ask("search", { text: "a.exam" })).toEqual({
      found: [
        {
          kind: "host",
          name: "a.example",
          client: "192.168.100.22",
          client_name: "server",
          first: "2023-06-16",
          last: "2023-06-16",
          days: 1,
          bytes: 200,
          download: null,
          upload: null,
          device: "",
        },
      ],
      is_cut: false,
    });
    expect(await ask("search", { text: "a" })).toMatchObject({ validation: { errors: [{ parameter: "text" }] } });
  });

  test("days", async () => {
    expect(await ask("days", {})).toEqual({ days: [["2023", "06", "16"]] });
  });

  test("summary", async () => {
    expect(await ask("summary", { ...date, limit: 1 })).toEqual({
      total: 450,
      clients: [
        ["192.168.100.22", 400],
        ["others", 50],
      ],
      hours: noHours({ "00": 300, "11": 150 }),
      names: { "192.168.100.22": "server" },
      protocol: [
        ["http/s", 300],
        ["others", 150],
      ],
      host: [
        ["a.example", 200],
        ["others", 100],
      ],
      application: [
        ["netify.google", 350],
        ["others", 100],
      ],
    });
    expect(await ask("summary", { ...date, limit: -1 })).toMatchObject({
      clients: [
        ["192.168.100.22", 400],
        ["192.168.100.30", 50],
      ],
      names: { "192.168.100.30": "192.168.100.30" },
    });
  });

  test("summary-by-client", async () => {
    expect(await ask("summary-by-client", { ...date, client: "192.168.100.30" })).toEqual({
      total: 50,
      clients: [["192.168.100.30", 50]],
      hours: noHours({ "11": 50 }),
      names: { "192.168.100.30": "192.168.100.30" },
      protocol: [["dns", 50]],
      host: [],
      application: [["netify.reverse-dns", 50]],
    });
  });

  test("details", async () => {
    const empty = Object.fromEntries(noHours({}).map(([hour]) => [hour, {}]));
    expect(await ask("details", { ...date, client: "192.168.100.22" })).toEqual({
      hours: {
        ...empty,
        "00": {
          total: 300,
          protocol: { "http/s": 200, dns: 100 },
          application: { "netify.google": 250, unknown: 50 },
          host: { "a.example": 200 },
        },
        "11": {
          total: 100,
          protocol: { "http/s": 100 },
          application: { "netify.google": 100 },
          host: { "b.example": 100 },
        },
      },
      total: 400,
      name: "server",
      protocol: { "http/s": 300, dns: 100 },
      application: { "netify.google": 350, unknown: 50 },
      host: { "a.example": 200, "b.example": 100 },
    });
  });

  test("summary-v2, whole and narrowed; today when no date is given", async () => {
    const hourly = noHours({ "00": 300, "11": 150 }).map(([id, traffic]) => ({ id, traffic }));
    expect(await ask("summary-v2", {})).toEqual({
      total_traffic: 450,
      hourly_traffic: hourly,
      clients: [
        { id: "192.168.100.22", label: "server", traffic: 400 },
        { id: "192.168.100.30", label: "192.168.100.30", traffic: 50 },
      ],
      applications: [
        { id: "netify.google", label: "Google", traffic: 350 },
        { id: "netify.reverse-dns", label: "Reverse-dns", traffic: 50 },
        { id: "unknown", label: "Unknown", traffic: 50 },
      ],
      remote_hosts: [
        { id: "a.example", traffic: 200 },
        { id: "b.example", traffic: 100 },
      ],
      protocols: [
        { id: "http/s", label: "HTTP/S", traffic: 300 },
        { id: "dns", label: "DNS", traffic: 150 },
      ],
    });
    expect(
      await ask("summary-v2", {
        ...date,
        client: "192.168.100.22",
        section: "application",
        value: "Netify.Google",
        limit: 5,
      }),
    ).toEqual({
      total_traffic: 350,
      hourly_traffic: noHours({ "00": 250, "11": 100 }).map(([id, traffic]) => ({ id, traffic })),
      clients: [{ id: "192.168.100.22", label: "server", traffic: 350 }],
      applications: [{ id: "netify.google", label: "Google", traffic: 350 }],
    });
    expect(
      await ask("summary-v2", { year: 2023, month: 6, day: 16, client: null, section: null, value: null, limit: 1 }),
    ).toMatchObject({ clients: [{ id: "192.168.100.22" }], protocols: [{ id: "http/s" }] });
  });
});

test.each([
  ["summary", { ...date, month: "13" }, "day", "invalid"],
  ["summary", { ...date, limit: -2 }, "limit", "invalid"],
  ["summary", { ...date, year: "../x" }, "year", "invalid"],
  ["details", date, "client", "required"],
  ["details", { ...date, client: "../../../etc" }, "client", "invalid"],
  ["summary-v2", { ...date, section: "total", value: "x" }, "section", "invalid"],
  ["summary-v2", { ...date, section: "host" }, "value", "required"],
])("%s refuses %j", async (method, args, parameter, message) => {
  expect(await ask(method, args)).toMatchObject({ validation: { errors: [{ parameter, message }] } });
});

test("a day that is not there is empty, with all its parts", async () => {
  expect(await ask("summary-v2", { ...date, day: "01" })).toMatchObject({
    total_traffic: 0,
    clients: [],
    applications: [],
    remote_hosts: [],
    protocols: [],
  });
});
