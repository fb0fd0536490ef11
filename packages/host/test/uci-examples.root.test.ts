/** Runs every example of the spec against our compiled `uci`; the listed deviations are excepted. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { deviations } from "./uci-deviations.ts";
import { readExamples, replay, type Step } from "./uci-examples.ts";
import { removeFolder } from "./temporary-folder.ts";
import { compileTimeoutMs, compileUci } from "./uci-executable.ts";

const examples = readExamples(new URL("../../uci/test/examples.txt", import.meta.url).pathname);
let dir = "";
beforeAll(() => {
  dir = compileUci();
}, compileTimeoutMs);
afterAll(() => removeFolder(dir));

test("the examples are all there, and each deviation belongs to one step and is one", () => {
  expect(examples.length).toBe(31);
  expect(examples.flatMap(({ steps }) => steps).length).toBe(222);
  for (const { example, command, ours } of deviations) {
    const steps = examples
      .filter(({ title }) => title === example)
      .flatMap((found) => found.steps.filter((step) => step.command.startsWith(command)));
    expect(steps.map(({ expected }) => expected === ours)).toEqual([false]);
  }
});

describe("examples", () => {
  for (const example of examples) {
    const expected = ({ command, expected: original }: Step): string =>
      deviations.find((deviation) => deviation.example === example.title && command.startsWith(deviation.command))
        ?.ours ?? original;
    test(example.title, () => {
      const got = replay(example, dir);
      expect(example.steps.map((step, at) => `$ ${step.command}\n${got[at] ?? "(did not run)"}`)).toEqual(
        example.steps.map((step) => `$ ${step.command}\n${expected(step)}`),
      );
    });
  }
});
