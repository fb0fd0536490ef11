/** Checks the queue's contract: the newest state wins, each state is delivered once, the number of records stays bounded. */
import { expect, test } from "bun:test";
import { FileError } from "@nethsec/host/files/file-error";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import fc from "fast-check";
import {
  clearAlerts,
  forgetDelivered,
  isAlertId,
  markDelivered,
  queueAlert,
  queueDir,
  readAlert,
  readAlerts,
  type AlertStatus,
} from "./queue.ts";

const id = fc.constantFrom("wan:wan:down", "wan:wanb:down", "df:root:percent_bytes:free");
const status = fc.constantFrom<AlertStatus>("FAILURE", "OK");
const step = fc.oneof(
  fc.record({ what: fc.constant("queue" as const), id, status, again: fc.boolean() }),
  fc.record({ what: fc.constant("deliver" as const) }),
  fc.record({ what: fc.constant("forget" as const) }),
);

test("any sequence of states, deliveries and reboots tells the portal each change once, the newest state last", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      using host = fakeHost();
      const told: string[] = [];
      const newest = new Map<string, AlertStatus>();
      const deliver = (): void => {
        for (const record of readAlerts(host)) {
          if (record.wanted === undefined) continue;
          told.push(`${record.id} ${record.wanted}`);
          markDelivered(host, record, record.wanted);
        }
      };
      let lastTold = new Map<string, string>();
      let repeatable = new Set<string>();
      for (const each of steps) {
        const before = told.length;
        if (each.what === "queue") {
          queueAlert(host, each.id, each.status, each.again);
          newest.set(each.id, each.status);
          if (each.again) repeatable.add(each.id);
        } else if (each.what === "forget") {
          forgetDelivered(host);
          repeatable = new Set(newest.keys());
        } else deliver();
        for (const line of told.slice(before)) {
          const [name = "", state = ""] = line.split(" ");
          // A state is delivered twice only on request (`again`), or after its record was forgotten.
          if (lastTold.get(name) === state) expect(repeatable.has(name)).toBe(true);
          lastTold = new Map(lastTold).set(name, state);
        }
      }
      deliver();
      for (const [name, state] of newest)
        expect(told.findLast((line) => line.startsWith(`${name} `))).toBe(`${name} ${state}`);
      expect(readAlerts(host).filter(({ wanted }) => wanted !== undefined)).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test("a state that comes while an older one is on its way is not lost", () => {
  using host = fakeHost();
  queueAlert(host, "wan:wan:down", "FAILURE");
  const [onItsWay] = readAlerts(host);
  queueAlert(host, "wan:wan:down", "OK");
  if (onItsWay !== undefined) markDelivered(host, onItsWay, "FAILURE");
  expect(readAlerts(host)).toMatchObject([{ wanted: "OK", delivered: "FAILURE" }]);
});

test("while nothing can be written on disk, alerts wait in memory; afterwards the newest state is on disk", () => {
  using host = fakeHost();
  queueAlert(host, "df:root:percent_bytes:free", "OK");
  let full = true;
  const files: typeof host.files = {
    ...host.files,
    write: (path, data, options) => {
      if (full && path.startsWith(queueDir))
        throw new FileError({ path, code: "disk_full", errno: "ENOSPC", message: "no space left on the device" });
      host.files.write(path, data, options);
    },
  };
  expect(queueAlert({ files, clock: host.clock }, "df:root:percent_bytes:free", "FAILURE")).toBe(true);
  queueAlert({ files, clock: host.clock }, "wan:wan:down", "FAILURE");
  expect(readAlerts(host)).toMatchObject([{ wanted: "FAILURE" }, { wanted: "FAILURE" }]);
  full = false;
  for (const record of readAlerts(host)) markDelivered({ files }, record, "FAILURE");
  expect(host.files.list(queueDir)).toHaveLength(2);
  expect(
    readAlerts({ files: { ...host.files, list: (dir) => (dir === queueDir ? host.files.list(dir) : []) } }),
  ).toMatchObject([{ delivered: "FAILURE" }, { delivered: "FAILURE" }]);
});

test("it is bounded, and what waits is kept before what was delivered", () => {
  using host = fakeHost();
  for (let count = 0; count < 210; count += 1) {
    queueAlert(host, `a${count}`, "FAILURE");
    const record = readAlert(host, `a${count}`);
    if (record !== undefined && count % 2 === 0) markDelivered(host, record, "FAILURE");
  }
  const left = readAlerts(host);
  expect(left).toHaveLength(200);
  expect(left.filter(({ wanted }) => wanted !== undefined)).toHaveLength(105);
});

test("a damaged file does no harm; clearing leaves nothing; names cannot leave the folder", () => {
  using host = fakeHost({ files: { [`${queueDir}/x.json`]: "{", [`${queueDir}/y.json`]: '{"id":1}' } });
  expect(readAlerts(host)).toEqual([]);
  queueAlert(host, "a.b:c", "FAILURE");
  clearAlerts(host);
  expect(host.files.exists(queueDir)).toBe(false);
  for (const bad of ["", "../x", "a/b", "a b", "a\n", "-x", ":x", "x".repeat(200)]) expect(isAlertId(bad)).toBe(false);
});
