/** `LoadHost` of this machine. Apart from local-host.ts, so that a command which needs no host does not load one. */
import type { LoadHost } from "../command/command-line.ts";

export const loadLocalHost: LoadHost = async (tag) => (await import("./local-host.ts")).localHost({ tag });
