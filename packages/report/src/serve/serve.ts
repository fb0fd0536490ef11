/** `ns-report serve`: the pages, exports, live view and metrics over HTTP, until it is stopped. */
import type { Call } from "@nethsec/host/command/command";
import { serveHttp } from "@nethsec/host/http/http-server";
import { clientNamesOf } from "../names/host-names.ts";
import { openStore } from "../store/open-store.ts";
import type { ReportStore } from "../store/report-store.ts";
import { keepSource } from "../feed/keep-source.ts";
import { makeSite } from "./make-site.ts";
import { serveConfig } from "./serve-config.ts";

export async function run(call: Call): Promise<number> {
  const { host, io, signal } = call;
  const config = serveConfig(host.uci, host.files);
  const failed = (error: unknown): void =>
    host.log("err", `ns-report: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  const store = openStore(call);
  const site = makeSite({ host, store, names: clientNamesOf(host), config, failed, signal });
  const server = await serveHttp({
    listen: config.listen,
    handle: (request, peer) => site.handle(request, peer),
    failed,
  });
  const url = server.url + config.base;
  io.out(`${call.json ? JSON.stringify({ url }) : `Reports of ${store.base} at ${url}`}\n`);
  const inTheClear =
    config.credentials !== undefined && config.listen.kind === "tcp" && config.listen.tls === undefined;
  if (inTheClear)
    host.log(
      "warning",
      `ns-report: ${url} is not encrypted; set ns-report.config.cert and key, or put a proxy with TLS in front.`,
    );
  try {
    void keepSource(host, signal);
    await addUp(store, host.clock, signal, failed);
    await stopped(signal);
  } finally {
    await server.stop();
  }
  return 0;
}

/** Computes the totals of finished days between requests, newest first, for the page of months. */
async function addUp(
  store: ReportStore,
  clock: Call["host"]["clock"],
  signal: AbortSignal,
  failed: (error: unknown) => void,
): Promise<void> {
  try {
    for (const day of store.days().toReversed()) {
      if (signal.aborted) return;
      if (store.knownTotal(day) !== undefined) continue;
      store.total(day);
      await clock.sleep(20, signal).catch(() => undefined);
    }
    store.saveTotals();
  } catch (error) {
    failed(error);
  }
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
