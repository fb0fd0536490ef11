/** Needs socat as the receiver of the log: the runtime has no UNIX datagram sockets. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../test/host-contract.ts";
import { localFiles } from "../files/local-files.ts";
import { localLog } from "./local-log.ts";
import { localRun } from "../process/local-run.ts";

test("lines arrive in order, also when the log is slow, absent for a while, or restarted", async () => {
  const dir = mkdtempSync(join(tmpdir(), "nethsec-log-"));
  const files = localFiles("/");
  const socket = join(dir, "log");
  const listen = async () => {
    const child = localRun().spawn(["socat", "-u", `UNIX-RECV:${socket}`, `OPEN:${dir}/received,creat,append`], {
      stdout: "ignore",
      stderr: "ignore",
    });
    await until(() => files.exists(socket));
    return child;
  };
  const received = (): number[] =>
    [...(files.readText(`${dir}/received`) ?? "").matchAll(/test: line (\d+)\./g)].map((match) => Number(match[1]));
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
  try {
    const log = localLog("test", socket);
    log("info", "line 0.");
    const first = await listen();
    await until(() => received().length === 1);
    for (let line = 1; line < 500; line += 1) log("info", `line ${line}.`);
    await until(() => received().length === 500);
    await first.kill("SIGKILL");
    files.remove(socket);
    for (let line = 500; line < 600; line += 1) log("info", `line ${line}.`);
    const second = await listen();
    await until(() => received().length === 600);
    expect(received()).toEqual(numbers(600));
    await second.kill("SIGKILL");
    files.remove(socket);
    for (let line = 0; line < 1500; line += 1) log("info", "too many");
    const third = await listen();
    await until(() => (files.readText(`${dir}/received`) ?? "").includes("501 lines were lost"));
    await third.kill("SIGKILL");
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
