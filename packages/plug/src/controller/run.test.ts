/** The text form of `ns-plug status`. */
import { expect, test } from "bun:test";
import { fakeCall } from "@nethsec/host/testing/fake-call";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { runStatus } from "./run.ts";
import { writeState } from "./state.ts";

const shown = (
  options: Readonly<Record<string, string>>,
  state?: Omit<Parameters<typeof writeState>[1], "pid">,
  /** Only process 4242 is alive. */
  pid = 4242,
): string => {
  const config = Object.entries(options).map(([name, value]) => `\toption ${name} '${value}'\n`);
  using host = fakeHost({
    files: { "/etc/config/ns-plug": `config main 'config'\n${config.join("")}`, "/proc/4242/stat": "" },
  });
  if (state !== undefined) writeState(host.files, { pid, ...state });
  const { call, output } = fakeCall(host);
  expect(runStatus(call)).toBe(0);
  return output.out;
};
const unit = { server: "https://c.example", unit_id: "u", token: "t" };

test.each([
  [{}, "Set server, unit_id and token in"],
  [{ server: "https://c.example" }, "Set unit_id and token in"],
  [{ server: "https://c.example", unit_id: "u" }, "Set token in"],
])("of %j it names what is missing", (options, text) => {
  expect(shown(options)).toContain(text);
});

test("a failure: that it tries again by itself, and how to try at once", () => {
  const text = shown(unit, { phase: "failed", since: 0, reason: "no route" });
  expect(text).toContain("Reason: no route\n");
  expect(text).toContain("tries again by itself; at once: /etc/init.d/ns-plug restart\n");
  expect(shown(unit, { phase: "waiting", since: 0 })).not.toContain("tries again");
});

test("between its end by a failure and its next start the failure can still be read", () => {
  const text = shown(unit, { phase: "failed", since: 0, reason: "another unit" }, 4243);
  expect(text).toContain("Status: stopped\n");
  expect(text).toContain("Reason: another unit\n");
  expect(text).toContain("starts again in 5 s; if not: /etc/init.d/ns-plug start\n");
  // The client was stopped by the administrator.
  const stopped = shown(unit, { phase: "waiting", since: 0, reason: "waiting for approval" }, 4243);
  expect(stopped).not.toContain("Reason");
  expect(stopped).toContain("not running: /etc/init.d/ns-plug start\n");
});
