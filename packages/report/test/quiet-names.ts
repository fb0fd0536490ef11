/** Client names of a fake host, without queries to a name server. */
import type { FakeHost } from "@nethsec/host/testing/fake-host";
import { ClientNames } from "../src/names/client-names.ts";

export function quietNames(host: FakeHost): ClientNames {
  return new ClientNames({
    files: host.files,
    uci: host.uci,
    now: () => host.clock.now(),
    reverse: async () => undefined,
  });
}
