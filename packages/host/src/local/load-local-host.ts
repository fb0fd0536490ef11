/** `LoadHost` of this machine. Apart from local-host.ts, so that a command which needs no host does not load one. */
import type { LoadHost } from "../command/command-line.ts";

/** Also sets the process' time zone to the machine's. What is wrong with that setting is said by those whose figures depend on it. */
export const loadLocalHost: LoadHost = async (tag) => {
  const [{ localHost }, { useLocalTime }] = await Promise.all([import("./local-host.ts"), import("./local-time.ts")]);
  const host = localHost({ tag });
  useLocalTime(host);
  return host;
};
