import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import * as v from "valibot";
import { NethsecError } from "./error.ts";
import { rpcdMethod, runRpcd, ValidationError } from "./rpcd.ts";
import { fakeCall } from "./testing/fake-call.ts";
import { fakeHost } from "./testing/fake-host.ts";

const plugin = {
  name: "ns.test",
  methods: [
    rpcdMethod({
      name: "add",
      args: v.object({
        a: v.number(),
        unit: v.optional(v.picklist(["one", "two"], "unit_invalid"), "one"),
        list: v.optional(v.array(v.string()), []),
      }),
      example: { a: 1, unit: "one", list: [] },
      run: ({ a, unit }) => ({ sum: a + (unit === "one" ? 1 : 2) }),
    }),
    rpcdMethod({ name: "status", args: v.object({}), example: {}, run: () => ({ ok: true }) }),
    rpcdMethod({
      name: "refuse",
      args: v.object({}),
      example: {},
      run: () => {
        throw new ValidationError([{ parameter: "vip", value: "1.2.3.4", message: "vip_outside_subnet" }]);
      },
    }),
    rpcdMethod({
      name: "fail",
      args: v.object({}),
      example: {},
      run: () => {
        throw new NethsecError({
          code: "ssh_connection_failed",
          message: "backup does not answer",
          advice: "Check it.",
        });
      },
    }),
    rpcdMethod({ name: "large", args: v.object({}), example: {}, run: () => ({ rows: "x".repeat(1_000_000) }) }),
    rpcdMethod({
      name: "last",
      args: v.object({ fails: v.optional(v.boolean(), false) }),
      example: {},
      run: ({ fails }) => {
        if (fails) throw new NethsecError({ code: "failed", message: "It failed." });
        return { message: "success" };
      },
      afterwards: async ({ io }) => io.out("afterwards"),
    }),
    rpcdMethod({
      name: "crash",
      args: v.object({}),
      example: {},
      run: () => {
        throw new TypeError("oops");
      },
    }),
  ],
};

async function ask(
  rest: readonly string[],
  input = "",
): Promise<{ code: number; answer: unknown; err: string; logged: string }> {
  using host = fakeHost();
  const { call, output } = fakeCall(host, { rest, stdin: input, calledAs: "ns.test" });
  const code = await runRpcd(plugin, call);
  const answer: unknown = output.out === "" ? undefined : JSON.parse(output.out);
  return { code, err: output.err, answer, logged: host.logged.join("\n") };
}

const invalid = (parameter: string, value: unknown, message: string): unknown => ({
  validation: { errors: [{ parameter, value, message }] },
});

describe("an rpcd plugin", () => {
  test("lists its methods with examples", async () => {
    const { code, answer } = await ask(["list"]);
    expect([code, answer]).toEqual([
      0,
      { add: { a: 1, unit: "one", list: [] }, status: {}, refuse: {}, fail: {}, large: {}, last: {}, crash: {} },
    ]);
  });

  test.each([
    ["add", '{"a": 1, "unit": "two"}', { sum: 3 }],
    ["status", "", { ok: true }],
    ["status", "{}\n", { ok: true }],
    ["status", "null", { ok: true }],
    ["add", "null", invalid("a", "", "required")],
    ["add", '{"a": null}', invalid("a", "", "required")],
    [
      "large",
      "{}",
      { error: "answer_too_large", message: "The answer is larger than 1000000 bytes.", advice: expect.any(String) },
    ],
    ["add", "{}", invalid("a", "", "required")],
    ["add", '{"a": "x"}', invalid("a", "x", "invalid")],
    ["add", '{"a": 1, "unit": "three"}', invalid("unit", "three", "unit_invalid")],
    ["add", '{"a": 1, "list": ["x", {"deep": 1}]}', invalid("list.1", "", "invalid")],
    ["refuse", "{}", invalid("vip", "1.2.3.4", "vip_outside_subnet")],
    ["fail", "{}", { error: "ssh_connection_failed", message: "backup does not answer", advice: "Check it." }],
    ["nope", "{}", { error: "method_not_found" }],
    ["toString", "{}", { error: "method_not_found" }],
    ["status", "{", { error: "invalid_json", message: "The arguments are not JSON" }],
    ["status", "[]", { error: "invalid_json", message: "The arguments are not a JSON object" }],
    [
      "status",
      `{"x": "${"x".repeat(1024 * 1024)}"}`,
      { error: "input_too_large", message: "The input is larger than 1048576 bytes" },
    ],
  ])("%s %.30s", async (method, input, expected) => {
    expect(await ask(["call", method], input)).toMatchObject({ code: 0, answer: expected, err: "" });
  });

  test("answers a programming error as an error, and tells the log: stderr would break the JSON that the API server reads", async () => {
    const { code, answer, err, logged } = await ask(["call", "crash"], "{}");
    expect([code, answer, err]).toEqual([1, { error: "internal_error" }, ""]);
    expect(logged).toContain("TypeError: oops");
  });

  test("does what follows an answer after it, and only when the method succeeded", async () => {
    using host = fakeHost();
    for (const [input, printed] of [
      ["{}", '{"message":"success"}\nafterwards'],
      ['{"fails": true}', '{"error":"failed","message":"It failed."}\n'],
    ] as const) {
      const { call, output } = fakeCall(host, { rest: ["call", "last"], stdin: input });
      expect([await runRpcd(plugin, call), output.out]).toEqual([0, printed]);
    }
  });

  test.each([[[]], [["call"]], [["frobnicate"]]])("explains itself on %j", async (rest) => {
    expect(await ask(rest)).toMatchObject({ code: 2, answer: undefined, err: expect.stringContaining("usage") });
  });

  test("any input gets exactly one JSON object", async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), fc.string()), async (input) => {
        expect(await ask(["call", "add"], input)).toMatchObject({ code: 0, answer: expect.any(Object) });
      }),
      { numRuns: 50 },
    );
  });
});
