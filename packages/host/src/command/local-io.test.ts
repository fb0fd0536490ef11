import { expect, test } from "bun:test";
import { until } from "../../test/host-contract.ts";
import { localRun } from "../process/local-run.ts";

const run = localRun();

/** A program that uses the real streams of its process. */
function program(body: string): [string, ...string[]] {
  return [
    process.execPath,
    "-e",
    `const { localIo } = await import(${JSON.stringify(`${import.meta.dir}/local-io.ts`)});
     const { PipeClosed } = await import(${JSON.stringify(`${import.meta.dir}/local-output.ts`)});
     const io = localIo();
     ${body}`,
  ];
}

test("lines, a secret and the rest come from one stdin", async () => {
  const body = `io.out(JSON.stringify([await io.readSecret("Password: "), await io.readLine(), await io.readAll(), io.color, io.columns]));`;
  const { stdout, stderr } = await run(program(body), { timeoutMs: 20_000, stdin: "pässword\nline\nall\nthe rest" });
  expect([JSON.parse(stdout), stderr]).toEqual([["pässword", "line", "all\nthe rest", false, 80], ""]);
});

test("large output is complete although the process ends at once, in the order written", async () => {
  const body = `
    io.out("a".repeat(1000000));
    await io.write(new Uint8Array(1000000).fill(98));
    io.out("c".repeat(1000000));
    process.exit(0);`;
  const { stdout } = await run(program(body), { timeoutMs: 20_000 });
  expect(stdout).toBe("a".repeat(1_000_000) + "b".repeat(1_000_000) + "c".repeat(1_000_000));
});

test.each(["io.out(text)", "await io.write(new TextEncoder().encode(text))"])(
  "a reader that goes away ends the writer quietly: %s",
  async (write) => {
    const body = `
    const text = "x".repeat(10000);
    try { for (;;) { ${write}; } } catch (error) { process.exit(error instanceof PipeClosed ? error.exitCode : 99); }`;
    const argv = program(body);
    const child = run.spawn(argv);
    const reader = child.stdout.getReader();
    await reader.read();
    await reader.cancel();
    expect(await child.exited).toEqual({ code: 141 });
  },
);

test.each(["io.out('text')", "await io.write(new TextEncoder().encode('text'))"])(
  "an output on a full disk is an operating error: %s",
  async (write) => {
    const body = `try { ${write}; } catch (error) { io.err(error.code + ": " + error.message); process.exit(error.exitCode); }`;
    const child = Bun.spawn(program(body), { stdout: Bun.file("/dev/full"), stderr: "pipe" });
    expect(await new Response(child.stderr).text()).toBe(
      "disk_full: Cannot write the output: no space left on the device",
    );
    expect(await child.exited).toBe(1);
  },
);

test("what cannot be said on standard error ends nothing", async () => {
  const child = Bun.spawn(program(`io.err("text"); io.out("goes on");`), {
    stderr: Bun.file("/dev/full"),
    stdout: "pipe",
  });
  expect(await new Response(child.stdout).text()).toBe("goes on");
});

test.each([
  ["secret\r", '"secret"'],
  ["secXé\u007f\u007fret\r", '"secret"'],
  ["wrong\u0015right\r", '"right"'],
  ["abc\u0003", "cancelled"],
  ["\u0004", "cancelled"],
])(
  "keys %j typed on a terminal give %s, and are not echoed; then the terminal echoes again",
  async (keys, expected) => {
    let seen = "";
    const child = Bun.spawn(
      program(`
      const got = await io.readSecret("Password: ").then((text) => JSON.stringify(text), (error) => error.code);
      io.out("GOT " + got + " AGAIN ");
      await io.readLine();`),
      { terminal: { data: (_terminal, data) => void (seen += Buffer.from(data).toString("utf8")) } },
    );
    await until(() => seen.includes("Password: "));
    child.terminal?.write(keys);
    await until(() => seen.includes("AGAIN "));
    expect(seen).toBe(`Password: \r\nGOT ${expected} AGAIN `);
    child.terminal?.write("visible\n");
    await until(() => seen.includes("visible"));
    expect(await child.exited).toBe(0);
    child.terminal?.close();
  },
);

test("a terminal has a width and a height; a pipe has no height", async () => {
  let seen = "";
  const body = `io.out(JSON.stringify([io.columns, io.rows ?? "none"]));`;
  const child = Bun.spawn(program(body), {
    terminal: { cols: 97, rows: 31, data: (_terminal, data) => void (seen += Buffer.from(data).toString("utf8")) },
  });
  expect(await child.exited).toBe(0);
  await until(() => seen.includes("]"));
  child.terminal?.close();
  expect(JSON.parse(seen)).toEqual([97, 31]);
  expect(JSON.parse((await run(program(body), { timeoutMs: 20_000 })).stdout)).toEqual([80, "none"]);
});
