import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { renderClientConf } from "./client-conf.ts";
import { readRegistration, type Grant } from "./registration.ts";

const pem = (label: string, body = "QUJD"): string => `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
const data = {
  host: "vpn.example.com",
  port: 1194,
  ca: pem("CERTIFICATE"),
  cert: pem("CERTIFICATE"),
  key: pem("PRIVATE KEY"),
  promtail_address: "172.21.0.1",
  promtail_port: 6514,
};

test.each([
  [403, { code: 403, message: "unit not allowed, no certificate found" }, "approval"],
  [403, { code: 403, message: "invalid registration token" }, "token"],
  [401, { code: 401, message: "registration token required" }, "token"],
  [403, { code: 403, message: "unit subscription is required" }, "subscription_required"],
  [403, { code: 403, message: "unit with subscription is not allowed" }, "subscription_not_allowed"],
  [403, undefined, "other"],
  [200, { code: 403, message: "something new\n\u001b[31m" }, "other"],
])("HTTP %d with %p waits because of: %s", (status, body, cause) => {
  const answer = readRegistration(status, body);
  expect(answer).toMatchObject({ kind: "waiting", cause });
  expect(JSON.stringify(answer)).not.toContain("\\u001b");
});

test.each([
  [409, undefined, "duplicate"],
  [200, { code: 409 }, "duplicate"],
  [429, undefined, "limited"],
  [500, { code: 500 }, "failed"],
  [200, undefined, "failed"],
  [200, { code: 200 }, "failed"],
  [200, { code: 200, data: { ...data, host: "a b" } }, "failed"],
  [200, { code: 200, data: { ...data, port: 70000 } }, "failed"],
  [200, { code: 200, data: { ...data, key: "no key" } }, "failed"],
  [200, { code: 200, data: { ...data, ca: pem("PRIVATE KEY") } }, "failed"],
  [200, { code: 200, data }, "registered"],
  [200, { code: "200", data: { ...data, port: "1194", vpn_address: "", api_port: null } }, "registered"],
])("HTTP %d with %p is: %s", (status, body, kind) => {
  expect(readRegistration(status, body).kind).toBe(kind as ReturnType<typeof readRegistration>["kind"]);
});

test("what is optional may be empty, and comes typed", () => {
  const answer = readRegistration(200, {
    code: 200,
    data: { ...data, vpn_address: "172.21.0.1", api_port: "20001", promtail_address: "" },
  });
  expect(answer).toMatchObject({
    grant: { vpnAddress: "172.21.0.1", apiPort: 20001, promtail: undefined, port: 1194 },
  });
});

describe("whatever a controller answers", () => {
  const nasty = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("a\nscript-security 3", "$(reboot)", "x</ca>\nup /bin/sh", "';rm -rf /;'", "..", "\0"),
    fc.integer(),
    fc.constant(null),
  );

  test("no text of it reaches a line of the OpenVPN configuration but names, ports and PEM", () => {
    const good: Record<string, unknown> = { ...data, vpn_address: "172.21.0.1", api_port: "20001" };
    const spoilt = fc.tuple(
      fc.constantFrom(...Object.keys(good)),
      nasty,
      fc.constantFrom("replace", "before", "after"),
    );
    const hostile = fc.array(spoilt, { maxLength: 3 }).map((changes) => {
      const fields = { ...good };
      for (const [name, text, where] of changes) {
        const [old, bad] = [String(fields[name]), String(text)];
        fields[name] = where === "replace" ? text : where === "before" ? bad + old : old + bad;
      }
      return fields;
    });
    let registered = 0;
    fc.assert(
      fc.property(hostile, (fields) => {
        const answer = readRegistration(200, { code: 200, data: fields });
        if (answer.kind !== "registered") return;
        registered += 1;
        const { grant } = answer;
        const conf = renderClientConf(grant, { tunMtu: undefined, mssfix: undefined }, "/route-up");
        const shape = conf.replaceAll(
          /-----BEGIN ([A-Z ]+)-----\n([A-Za-z0-9+/=]{1,64}\n)*-----END \1-----\n/g,
          "PEM\n",
        );
        expect(shape.replace(/remote \S+ \d+ udp/, "remote")).toBe(harmless);
        for (const text of [grant.host, grant.vpnAddress ?? "a", grant.promtail?.address ?? "a"])
          expect(text).toMatch(/^[A-Za-z0-9.:-]+$/);
      }),
      { numRuns: 2000 },
    );
    expect(registered).toBeGreaterThan(20);
  });

  test("it is a value, never an exception", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 599 }),
        fc.jsonValue(),
        (status, body) => void readRegistration(status, body),
      ),
    );
  });
});

const grant: Grant = {
  host: "c.example",
  port: 1194,
  ca: "PEM\n",
  cert: "PEM\n",
  key: "PEM\n",
  promtail: undefined,
  vpnAddress: undefined,
  apiPort: undefined,
};
const harmless = renderClientConf(grant, { tunMtu: undefined, mssfix: undefined }, "/route-up").replace(
  /remote \S+ \d+ udp/,
  "remote",
);

test("the configuration has what the contract lists; sizes only when both are set", () => {
  const conf = renderClientConf(grant, { tunMtu: 1400, mssfix: 1350 }, "/route-up");
  for (const line of [
    "client",
    "remote c.example 1194 udp",
    "dev tun-nsplug",
    "nobind",
    "float",
    "explicit-exit-notify 1",
    "server-poll-timeout 5",
    "connect-retry-max 5",
    "auth-nocache",
    "verb 3",
    "script-security 2",
    "route-up /route-up",
    "tun-mtu 1400",
    "mssfix 1350",
  ])
    expect(conf.split("\n")).toContain(line);
  expect(conf).not.toContain("mtu-test");
  expect(renderClientConf(grant, { tunMtu: 1400, mssfix: undefined }, "/x")).toContain("\nmtu-test\n");
});
