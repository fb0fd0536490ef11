import { loadLocalHost } from "../local/load-local-host.ts";
import { describe, expect, test } from "bun:test";
import type { Call, Command } from "./command.ts";
import { main } from "./command-line.ts";
import { NethsecError } from "../error.ts";
import { fileError } from "../files/file-error.ts";
import { outputName } from "./local-output.ts";
import { fakeIo } from "../testing/fake-call.ts";

let calls: Pick<Call, "args" | "rest" | "options" | "json" | "calledAs">[] = [];
const remember: Command["load"] = async () => ({
  run: ({ args, rest, options, json, calledAs }) => {
    calls.push({ args, rest, options, json, calledAs });
    return 0;
  },
});
const failing: Command["load"] = async () => ({
  run: () => {
    throw new NethsecError({
      code: "disk_full",
      message: "The disk of backup is full",
      advice: "Free some space.",
      exitCode: 3,
    });
  },
});

const commands: readonly Command[] = [
  {
    name: "ns-ha-config",
    summary: "configure high availability",
    description:
      "The first paragraph is long enough to be wrapped somewhere before its end, at eighty columns.\n\nThe second one.",
    options: [{ name: "trace", summary: "print each step" }],
    actions: [
      {
        name: "check-primary-node",
        summary: "check the primary node",
        args: [{ name: "lan_interface", summary: "interface of the LAN" }],
        options: [{ name: "lines", short: "n", value: "N", summary: "how many" }],
        examples: [["ns-ha-config check-primary-node lan", "check it"]],
        load: remember,
      },
      {
        name: "ssh-remote",
        summary: "run a command there",
        args: [{ name: "command", summary: "a command", optional: true, variadic: true }],
        load: remember,
      },
      { name: "status", summary: "print the state", load: remember },
    ],
  },
  {
    name: "ns-plug",
    summary: "the client",
    actions: [{ name: "status", summary: "state", load: remember }],
    load: remember,
  },
  {
    name: "remote-backup",
    summary: "backups",
    args: [
      { name: "file", summary: "a file" },
      { name: "output", summary: "where to", optional: true },
    ],
    examples: [["remote-backup x -", "print it"]],
    load: remember,
  },
  { name: "ns.ha", summary: "plugin", raw: true, hidden: true, load: remember },
  { name: "fail", summary: "fails", load: failing },
];

async function type(
  line: string,
): Promise<{ code: number; out: string; err: string; call: (typeof calls)[number] | undefined }> {
  const { io, output } = fakeIo();
  calls = [];
  const [argv0 = "", ...argv] = line.split(" ").filter(Boolean);
  const code = await main(commands, argv0, argv, loadLocalHost, io);
  return { code, ...output, call: calls[0] };
}

describe("dispatch", () => {
  test.each([
    ["/usr/sbin/ns-ha-config status", { calledAs: "ns-ha-config" }],
    ["nethsec ns-ha-config status", { calledAs: "ns-ha-config" }],
    ["/tmp/build/nethsec-linux-x64 ns-plug", { calledAs: "ns-plug", args: {} }],
    ["ns-plug status", {}],
    ["ns-ha-config check-primary-node lan --lines 5", { args: { lan_interface: "lan" }, options: { lines: "5" } }],
    [
      "ns-ha-config check-primary-node -n 5 lan --json",
      { args: { lan_interface: "lan" }, options: { lines: "5" }, json: true },
    ],
    ["ns-ha-config --trace --json check-primary-node lan", { options: { trace: true }, json: true }],
    ["ns-ha-config ssh-remote ls -l --json /", { rest: ["ls", "-l", "--json", "/"], json: false }],
    ["ns-ha-config ssh-remote -- -x", { rest: ["-x"] }],
    ["ns-ha-config ssh-remote", { rest: [] }],
    ["remote-backup file -", { args: { file: "file", output: "-" } }],
    ["remote-backup file", { args: { file: "file" } }],
    ["remote-backup -- --odd", { args: { file: "--odd" } }],
    ["/usr/libexec/rpcd/ns.ha call --help x", { rest: ["call", "--help", "x"] }],
  ])("%s", async (line, expected) => {
    const { code, call, err } = await type(line);
    expect([code, err]).toEqual([0, ""]);
    expect(call).toMatchObject(expected);
  });
});

describe("usage errors", () => {
  test.each([
    ["nethsec ns-ha-confg", 'there is no command "ns-ha-confg"; did you mean "ns-ha-config"?'],
    ["nethsec frobnicate", 'there is no command "frobnicate"\n'],
    ["ns-ha-config", "an action is missing"],
    ["ns-ha-config statsu", 'there is no action "statsu"; did you mean "status"?'],
    ["ns-ha-config check-primary-node", "the argument <lan_interface> is missing: interface of the LAN"],
    ["ns-ha-config check-primary-node lan more", 'there is an argument too many: "more"'],
    ["ns-ha-config check-primary-node lan --line 3", "there is no option --line; did you mean --lines?"],
    ["ns-ha-config check-primary-node lan --lines", "argument missing"],
    ["ns-ha-config status --trace=1", "does not take an argument"],
    ["ns-ha-config status -x", "there is no option -x"],
    ["ns-plug stauts", 'did you mean "status"?'],
    ["nethsec help nope", 'nethsec help: there is no command "nope"'],
    ["nethsec help ns-plug stat", 'nethsec help: there is no action "stat"'],
    ["nethsec ns-plug stauts", "More: nethsec ns-plug --help"],
    ["nethsec completion zsh", "only for bash"],
  ])("%s", async (line, message) => {
    const { code, out, err, call } = await type(line);
    expect([code, out, call]).toEqual([2, "", undefined]);
    expect(err).toContain(message);
    expect(err).toMatch(/Example: |More: |All commands: /);
  });

  test("show the first example, and are JSON when asked", async () => {
    expect((await type("ns-ha-config check-primary-node")).err).toContain(
      "Example: ns-ha-config check-primary-node lan\n",
    );
    const { out, err } = await type("ns-ha-config check-primary-node --json");
    expect(err).toBe("");
    expect(JSON.parse(out)).toMatchObject({ error: "usage", message: expect.stringContaining("lan_interface") });
  });
});

describe("errors of commands", () => {
  test("are printed once, with advice and exit code", async () => {
    expect(await type("fail")).toMatchObject({
      code: 3,
      out: "",
      err: "fail: The disk of backup is full\nFree some space.\n",
    });
    const { code, out } = await type("fail --json");
    expect([code, JSON.parse(out)]).toEqual([
      3,
      { error: "disk_full", message: "The disk of backup is full", advice: "Free some space." },
    ]);
  });

  test("are said on standard error when the output itself cannot be written, also with --json", async () => {
    const { io, output } = fakeIo();
    const full = Object.assign(io, {
      out: () => {
        throw fileError("write", outputName, Object.assign(new Error("full"), { code: "ENOSPC" }));
      },
    });
    expect(await main(commands, "nethsec", ["help", "--json"], loadLocalHost, full)).toBe(1);
    expect(output.err).toBe(
      "nethsec help: Cannot write the output: no space left on the device\nFree some space (see `df -h`), then run it again.\n",
    );
  });

  test("programming errors are thrown on", async () => {
    const broken: Command = {
      name: "broken",
      summary: "",
      load: async () => ({ run: () => Promise.reject(new TypeError("oops")) }),
    };
    await expect(main([broken], "broken", [], loadLocalHost, fakeIo().io)).rejects.toThrow("oops");
  });
});

describe("what prints a form of its own", () => {
  test.each(["nethsec man ns-plug", "nethsec completion bash"])("%p does not promise JSON", async (line) => {
    expect((await type(`${line} --help`)).out).not.toContain("--json");
    const { code, out } = await type(`${line} --json`);
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject({ error: "usage", message: "there is no option --json" });
  });
});

describe("help", () => {
  test("of everything lists what is not hidden", async () => {
    for (const line of ["nethsec", "nethsec help", "nethsec --help", "nethsec -h"]) {
      const { code, out } = await type(line);
      expect([code, out.includes("ns-ha-config   configure high availability"), out.includes("ns.ha ")]).toEqual([
        0,
        true,
        false,
      ]);
    }
  });

  test("of a command has its usage, actions, options and examples, within the width", async () => {
    const { out } = await type("nethsec help ns-ha-config");
    expect(out).toBe((await type("ns-ha-config --help")).out);
    expect(out).toContain("Usage: ns-ha-config <action> [options]");
    expect(out).toMatch(/check-primary-node <lan_interface> +check the primary node/);
    expect(Math.max(...out.split("\n").map((text) => text.length))).toBeLessThanOrEqual(80);
    const action = (await type("ns-ha-config check-primary-node --help")).out;
    for (const part of [
      "Usage: ns-ha-config check-primary-node <lan_interface> [options]",
      "-n, --lines N",
      "--trace",
      "--json",
      "ns-ha-config check-primary-node lan",
    ])
      expect(action).toContain(part);
    expect((await type("nethsec help ns-ha-config check-primary-node")).out).toBe(action);
  });

  test("as JSON", async () => {
    const all: unknown = JSON.parse((await type("nethsec help --json")).out);
    expect(all).toMatchObject({
      commands: expect.arrayContaining([expect.objectContaining({ name: "ns-ha-config" })]),
    });
    expect(JSON.stringify(all)).not.toContain('"ns.ha"');
    expect(JSON.parse((await type("nethsec help --json ns-ha-config")).out)).toMatchObject({ name: "ns-ha-config" });
  });

  test("version", async () => {
    expect((await type("nethsec --version")).out).toMatch(/^nethsec \d+\.\d+\.\d+/);
    expect((await type("ns-plug --version")).out).toMatch(/^ns-plug \d+\.\d+\.\d+/);
  });
});

describe("completion", () => {
  const complete = async (...words: string[]): Promise<string[]> => {
    const { out } = await type("nethsec completion bash");
    const script = `${out}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _nethsec; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = Bun.spawnSync(["bash", "-c", script, "bash", ...words]);
    return stdout.toString().split("\n").filter(Boolean);
  };

  test.each([
    [
      ["nethsec", "ns-"],
      ["ns-ha-config", "ns-plug"],
    ],
    [
      ["ns-ha-config", "s"],
      ["ssh-remote", "status"],
    ],
    [["nethsec", "ns-ha-config", "check"], ["check-primary-node"]],
    [["ns-ha-config", "check-primary-node", "--l"], ["--lines"]],
    [["ns-ha-config", "--json", "st"], ["status"]],
    [
      ["/usr/sbin/ns-plug", ""],
      ["status", "--json", "--help", "--version"],
    ],
    [["ns-ha-config", "check-primary-node", "eth"], []],
  ])("%j gives %j", async (words, expected) => {
    expect(await complete(...words)).toEqual(expected);
  });
});
