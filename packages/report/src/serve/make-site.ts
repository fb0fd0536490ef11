/** Assembles the web server's parts for one host. */
import type { Host } from "@nethsec/host/host";
import { openMetrics, openMetricsType } from "@nethsec/host/metrics";
import { clientGroupsOf, type ClientGroup } from "../groups/client-groups.ts";
import { AccessControl } from "../auth/access-control.ts";
import { readStatus } from "../store/daemon-status.ts";
import { reportMetrics } from "../metrics/report-metrics.ts";
import { CategoryFiles } from "../names/categories.ts";
import type { ClientNames } from "../names/client-names.ts";
import { interfaceRatesOf } from "../query/interface-rates.ts";
import { liveHourOf } from "../query/open-live.ts";
import { reportConditions } from "../query/report-conditions.ts";
import type { ReportStore } from "../store/report-store.ts";
import { type Checked, quotaConditions, readChecked } from "../quota/quota-check.ts";
import { quotaMetrics } from "../quota/quota-metrics.ts";
import { LiveHub } from "./live-hub.ts";
import { RangePages } from "./range-pages.ts";
import { ReportPages } from "./report-pages.ts";
import { ReportSite } from "./report-site.ts";
import type { ServeConfig } from "./serve-config.ts";

export interface SiteNeeds {
  readonly host: Pick<Host, "files" | "clock" | "random" | "system" | "net" | "uci">;
  readonly store: ReportStore;
  readonly names: ClientNames;
  readonly config: Pick<ServeConfig, "base" | "hosts" | "credentials">;
  /** Called with errors that occur outside any request. */
  readonly failed: (error: unknown) => void;
  /** Ends the live view. */
  readonly signal: AbortSignal;
}

export function makeSite({ host, store, names, config, failed, signal }: SiteNeeds): ReportSite {
  const now = (): number => host.clock.now();
  const status = (): ReturnType<typeof readStatus> => readStatus(host.files, store.base);
  const quotas = (): Checked => readChecked(host.files) ?? { at: now(), uses: [] };
  const groups = (): readonly ClientGroup[] => clientGroupsOf(host.uci).groups;
  const live = liveHourOf(host, store, status);
  const interfaces = interfaceRatesOf(host);
  const categories = new CategoryFiles(host.files);
  const { base } = config;
  const pages = new ReportPages({ store, names, categories, groups, live, interfaces, status, quotas, base });
  const hub = new LiveHub({
    clock: host.clock,
    mark: () => `${live.mark()} ${interfaces.mark()}`,
    draw: () => pages.liveFragment(),
    failed,
    signal,
  });
  return new ReportSite({
    pages,
    ranges: new RangePages({ store, names, categories, groups, base }),
    hub,
    gate: new AccessControl(config.credentials, {
      now: () => host.clock.monotonic(),
      randomText: (count) => host.random.text(count),
    }),
    gated: config.credentials !== undefined,
    base: config.base,
    hosts: config.hosts,
    hostname: host.system.hostname(),
    today: () => store.today(),
    conditions: () => [...reportConditions(status(), now()), ...quotaConditions(quotas())],
    metrics: () => ({
      text: openMetrics([...reportMetrics(status(), now()), ...quotaMetrics(quotas())]),
      type: openMetricsType,
    }),
  });
}
