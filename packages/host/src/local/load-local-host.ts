/** `LoadHost` of this machine. Separate from local-host.ts, so that a command without a host does not load it. */
import type { LoadHost } from "../command/command-line.ts";

/** Also sets the process' time zone to the machine's. A problem with that setting is reported by the commands whose figures depend on it. */
export const loadLocalHost: LoadHost = async (tag) => {
  const [{ localHost }, { useLocalTime }] = await Promise.all([import("./local-host.ts"), import("./local-time.ts")]);
  const host = localHost({ tag });
  useLocalTime(host);
  return host;
};
