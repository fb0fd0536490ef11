/** `ns-report watch`: the current hour, redrawn every two seconds, or after each dump where the daemon cannot be asked for the live hour. */
import type { Call } from "@nethsec/host/command/command";
import { openStore } from "../store/open-store.ts";
import { table } from "@nethsec/host/command/table";
import { formatBitRate, formatBytes } from "@nethsec/host/units";
import { readStatus } from "../store/daemon-status.ts";
import { twoDigits } from "../store/hour-key.ts";
import { labelOf } from "../query/labels.ts";
import { directionTexts } from "../query/direction-text.ts";
import { splitJson, totalTraffic } from "../query/traffic.ts";
import type { LiveHourState } from "../query/live-hour.ts";
import { liveHourOf } from "../query/open-live.ts";
import { nextStep } from "../query/next-step.ts";
import { namesFor } from "./report-question.ts";
import { directionTitles, heading, shown, trafficFact } from "./report-text.ts";

const lookEveryMs = 1000;
const rowsShown = 15;

export async function run(call: Call): Promise<number> {
  const { host, io, signal } = call;
  const store = openStore(call);
  const status = (): ReturnType<typeof readStatus> => readStatus(host.files, store.base);
  const live = liveHourOf(host, store, status);
  let drawn: string | undefined;
  while (!signal.aborted) {
    const mark = live.mark();
    if (mark !== drawn) {
      drawn = mark;
      const state = live.look();
      const names = await namesFor(
        call,
        state.summary.clients.slice(0, rowsShown).map(({ id }) => id),
      );
      if (call.json) io.out(`${JSON.stringify(liveJson(state, names))}\n`);
      else
        io.out(
          `${io.stdoutIsTerminal ? "\u001b[H\u001b[2J" : ""}${liveText(state, names, call, nextStep(status(), store.base, true).text)}\n`,
        );
    }
    await host.clock.sleep(lookEveryMs, signal).catch(() => undefined);
  }
  return 0;
}

type Names = ReadonlyMap<string, string>;

function liveJson({ hour, summary, growth, asOf }: LiveHourState, names: Names): object {
  return {
    as_of: asOf ?? null,
    hour,
    total: summary.total,
    ...splitJson(totalTraffic(summary)),
    interval_ms: growth?.ms ?? null,
    growth: growth?.total ?? null,
    clients: summary.clients.map((usage) => ({
      client: usage.id,
      name: names.get(usage.id) ?? null,
      bytes: usage.bytes,
      growth: growth === undefined ? null : (growth.clients.get(usage.id) ?? 0),
      ...splitJson(usage),
    })),
  };
}

function liveText({ hour, summary, growth, asOf }: LiveHourState, names: Names, call: Call, whenEmpty: string): string {
  const { io } = call;
  const style = { color: io.color, columns: io.columns };
  const rate = (bytes: number): string =>
    growth === undefined ? "…" : formatBitRate(growth.ms <= 0 ? 0 : (bytes * 8000) / growth.ms);
  const time = asOf === undefined ? "nothing counted yet" : `as of ${new Date(asOf).toTimeString().slice(0, 8)}`;
  const head = heading(`${twoDigits(hour)}:00 to ${twoDigits((hour + 1) % 24)}:00`, style);
  const facts = `${trafficFact(totalTraffic(summary))}, ${growth === undefined ? "rate known in a moment" : rate(growth.total)}, ${time}`;
  if (summary.clients.length === 0) return `${head}\n${facts}\n\n${whenEmpty}`;
  const nameWidth = Math.max(16, Math.min(32, io.columns - 64));
  const clients = table(
    [
      { title: "Client" },
      { title: "Address" },
      { title: "Rate", align: "right" },
      { title: "This hour", align: "right" },
      ...directionTitles,
    ],
    summary.clients
      .slice(0, rowsShown)
      .map((usage) => [
        shown(names.get(usage.id) ?? usage.id, nameWidth),
        names.has(usage.id) ? usage.id : "",
        rate(growth?.clients.get(usage.id) ?? 0),
        formatBytes(usage.bytes),
        directionTexts(usage).download,
        directionTexts(usage).upload,
      ]),
    style,
  );
  const applications = table(
    [{ title: "Application" }, { title: "This hour", align: "right" }],
    (summary.sections?.application ?? [])
      .slice(0, 5)
      .map(({ id, bytes }) => [shown(labelOf("application", id), 32), formatBytes(bytes)]),
    style,
  );
  return `${head}\n${facts}\n\n${clients}\n\n${applications}\n\nCtrl-C ends.`;
}
