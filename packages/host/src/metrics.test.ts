import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { type Metric, openMetrics } from "./metrics.ts";

test("families, units, labels and the end mark", () => {
  const text = openMetrics([
    { name: "ns_events", type: "counter", help: 'Events\n"seen"', samples: [{ labels: { type: "flow" }, value: 3 }] },
    {
      name: "ns_memory_bytes",
      type: "gauge",
      unit: "bytes",
      help: "Memory",
      samples: [{ value: 1.5 }, { labels: { a: 'x"\\\n', b: "" }, value: Infinity }],
    },
    { name: "ns_build", type: "info", help: "Version", samples: [{ labels: { version: "1" }, value: 1 }] },
  ]);
  expect(text).toBe(
    String.raw`# TYPE ns_events counter
# HELP ns_events Events\n\"seen\"
ns_events_total{type="flow"} 3
# TYPE ns_memory_bytes gauge
# UNIT ns_memory_bytes bytes
# HELP ns_memory_bytes Memory
ns_memory_bytes 1.5
ns_memory_bytes{a="x\"\\\n",b=""} +Inf
# TYPE ns_build info
# HELP ns_build Version
ns_build_info{version="1"} 1
# EOF
`,
  );
});

test("label values from the network add no line", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (name) => {
      const text = openMetrics([{ name: "x", type: "gauge", help: "", samples: [{ labels: { name }, value: 1 }] }]);
      expect(text.split("\n")).toHaveLength(5);
      expect(/^x\{name="((?:[^"\\\n]|\\["\\n])*)"\} 1$/m.test(text)).toBe(true);
    }),
  );
});

test.each<[string, Partial<Metric>]>([
  ["a name with a dash", { name: "a-b" }],
  ["a name with the suffix", { name: "x_total" }],
  ["a unit that is not in the name", { unit: "bytes" }],
  ["a counter below zero", { type: "counter", samples: [{ value: -1 }] }],
  ["a label with a dot", { samples: [{ labels: { "a.b": "" }, value: 1 }] }],
])("refuses %s", (_what, wrong) => {
  expect(() => openMetrics([{ name: "x", type: "gauge", help: "", samples: [], ...wrong }])).toThrow();
});

test("refuses a family that is there twice", () => {
  const metric: Metric = { name: "x", type: "gauge", help: "", samples: [] };
  expect(() => openMetrics([metric, metric])).toThrow("twice");
});
