import { expect, test } from "bun:test";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { runHooks } from "./subscription/hooks.ts";

test("hooks run in name order, whatever each of them does: one that fails, hangs or is no program stops nothing", async () => {
  using host = fakeHost({ files: { "/root/linked": "", "/usr/share/ns-plug/hooks/register/30-not-executable": "" } });
  const ran: string[] = [];
  const dir = "/usr/share/ns-plug/hooks/register";
  const add = (name: string, program: Parameters<typeof host.program>[1]): void => {
    host.files.write(`${dir}/${name}`, "#!/bin/sh\n", { mode: 0o755 });
    host.program(name, (call) => {
      ran.push(name);
      return program(call);
    });
  };
  add("20-fails", () => ({ code: 7, stderr: "went wrong" }));
  add("10-first", () => "hello");
  add("40-hangs", () => new Promise(() => undefined));
  add("90-last", () => "");
  host.files.write("/root/linked", "#!/bin/sh\n", { mode: 0o755 });
  host.files.symlink("/root/linked", `${dir}/50-linked`);
  host.program("50-linked", () => {
    ran.push("50-linked");
    return "";
  });
  for (const name of ["30-not-executable", "60-folder"])
    host.program(name, () => {
      ran.push(name);
      return "";
    });
  host.files.mkdir(`${dir}/60-folder`);
  host.files.symlink("/nowhere", `${dir}/70-dangling`);

  const done = runHooks(host, "register");
  await host.clock.advance(59_000);
  expect(ran).toEqual(["10-first", "20-fails", "40-hangs"]);
  await host.clock.advance(2000);
  await done;
  expect(ran).toEqual(["10-first", "20-fails", "40-hangs", "50-linked", "90-last"]);
  const log = host.logged.join("\n");
  expect(log).toContain("20-fails ended with 7");
  expect(log).toContain("10-first: hello");
  expect(log).toMatch(/40-hangs.*did not end within 60 s/);
});

test("no folder, no hooks", async () => {
  using host = fakeHost();
  await runHooks(host, "unregister");
  expect(host.calls).toEqual([]);
});
