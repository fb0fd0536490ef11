/** Client names from the real sources of a host: its files, its configuration, its resolvers. */
import type { Host } from "@nethsec/host/host";
import { reverseLookup } from "@nethsec/host/local/reverse-lookup";
import { ClientNames } from "./client-names.ts";

export function clientNamesOf(host: Pick<Host, "files" | "uci" | "clock">): ClientNames {
  return new ClientNames({ files: host.files, uci: host.uci, now: () => host.clock.now(), reverse: reverseLookup });
}
