/** Usage errors print the correct usage, with the program name that was called. */
import { expect, test } from "bun:test";

function lab(argv: readonly string[], command?: string): { code: number; text: string } {
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, `${import.meta.dirname}/main.ts`, ...argv], {
    env: { ...process.env, LAB_COMMAND: command },
  });
  return { code: exitCode, text: stderr.toString() };
}

test.each([
  ["no name behind --name", ["--name"], "lab/lab: --name wants the name of a lab.\nlab/lab --name second up\n"],
  [
    "no network",
    ["cut", "primary"],
    "lab/lab cut: the argument <interface> is missing: a device (eth0) or the network it leads to (lan, lan2, wan, wan2, net)\n" +
      "Example: lab/lab cut primary lan\nMore: lab/lab cut --help\n",
  ],
  [
    "no number",
    ["loss", "backup", "wan", "much"],
    'lab/lab loss: "much" is not a percentage.\nlab/lab loss backup lan 30\n',
  ],
])("%s", (_what, argv, text) => expect(lab(argv)).toEqual({ code: 2, text }));

test("installed from its package it is called nethsec-lab", () => {
  expect(lab(["--name", "second", "boot", "nowhere", "else"], "nethsec-lab").text).toBe(
    'nethsec-lab boot: there is an argument too many: "else"\nExample: nethsec-lab boot primary\nMore: nethsec-lab boot --help\n',
  );
});
