/** The site of a fake host without a sign-in, asked as a browser on the loopback would: for tests of what pages say. */
import type { FakeHost } from "@nethsec/host/testing/fake-host";
import { makeSite } from "../src/serve/make-site.ts";
import type { ReportSite } from "../src/serve/report-site.ts";
import { ReportStore } from "../src/store/report-store.ts";
import { quietNames } from "./quiet-names.ts";

/** `base`: folder of the hour files. An error outside a request fails the test. */
export function quietSite(host: FakeHost, base: string, signal: AbortSignal): ReportSite {
  return makeSite({
    host,
    store: new ReportStore({ files: host.files, base, now: () => host.clock.now() }),
    names: quietNames(host),
    config: { base: "", hosts: [], credentials: undefined },
    failed: (error) => {
      throw error;
    },
    signal,
  });
}

/** GET of a path with its query. */
export function ask(site: ReportSite, path: string): Promise<Response> {
  const request = new Request(`http://localhost:8098${path}`, { headers: { host: "localhost:8098" } });
  return site.handle(request, { address: "127.0.0.1", tls: false });
}
