/** `Services` through the init scripts in /etc/init.d, as procd systems have them. */
import type { Files, Run, Services } from "../host.ts";
import { NethsecError } from "../error.ts";

const askTimeoutMs = 10_000;
const callTimeoutMs = 60_000;

export function localServices(files: Files, run: Run): Services {
  const script = (name: string): string => `/etc/init.d/${serviceName(name)}`;
  const exists = (name: string): boolean => files.stat(script(name)) !== undefined;
  /** `enabled` and `running` return their result as exit code. */
  const ask = async (name: string, question: "enabled" | "running"): Promise<boolean> => {
    if (!exists(name)) return false;
    const { code, stdout } = await run([files.real(script(name)), question], { timeoutMs: askTimeoutMs, ok: "any" });
    // A script without USE_PROCD does not know the action: it prints its usage and exits with 0 (recorded, test-data/contracts/openwrt.json).
    return code === 0 && stdout === "";
  };
  return {
    exists,
    enabled: (name) => ask(name, "enabled"),
    running: (name) => ask(name, "running"),
    call: async (name, action, options = {}) => {
      await run([files.real(script(name)), action], {
        timeoutMs: options.timeoutMs ?? callTimeoutMs,
        ok: "any",
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
    },
    reloadConfig: async () => {
      await run(["reload_config"], { timeoutMs: callTimeoutMs });
    },
  };
}

/** Refuses names that could lead to a file outside /etc/init.d. */
export function serviceName(name: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name)) return name;
  throw new NethsecError({ code: "bad_service_name", message: `${JSON.stringify(name)} is not the name of a service` });
}
