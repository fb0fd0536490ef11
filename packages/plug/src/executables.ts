/** Runs a folder of third-party executables (hooks) in name order; a failing one does not stop the others. */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";

/** Runs each executable regular file in `dir`, or link to one. Logs output and exit codes other than 0; kills a program after `timeoutMs`. */
export async function runExecutables(
  host: Pick<Host, "files" | "run" | "log">,
  dir: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<void> {
  for (const name of host.files.list(dir)) {
    const path = `${dir}/${name}`;
    const stat = host.files.stat(path, { follow: true });
    if (stat?.type !== "file" || (stat.mode & 0o111) === 0) continue;
    try {
      const { code, stdout, stderr } = await host.run([host.files.real(path), ...args], { timeoutMs, env, ok: "any" });
      const said = `${stdout}${stderr}`.trim();
      if (said !== "") host.log("info", `${path}: ${said.slice(0, 1000)}`);
      if (code !== 0) host.log("warning", `${path} ended with ${code ?? "a signal"}`);
    } catch (error) {
      if (!(error instanceof NethsecError)) throw error;
      host.log("warning", error.message);
    }
  }
}
