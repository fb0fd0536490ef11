/** `ns-report watch`: the current hour, redrawn every two seconds, or after each dump where the daemon cannot be asked for the live hour. */
import type { Call } from "@nethsec/host/command/command";
import { openStore } from "../store/open-store.ts";
import { readStatus } from "../store/daemon-status.ts";
import { interfaceRatesOf } from "../query/interface-rates.ts";
import { byRate } from "../query/live-hour.ts";
import { liveJson } from "../query/live-json.ts";
import { liveHourOf } from "../query/open-live.ts";
import { nextStep } from "../query/next-step.ts";
import { namesFor } from "./report-question.ts";
import { clientRows, liveText } from "./watch-text.ts";

const lookEveryMs = 1000;

export async function run(call: Call): Promise<number> {
  const { host, io, signal } = call;
  const store = openStore(call);
  const status = (): ReturnType<typeof readStatus> => readStatus(host.files, store.base);
  const live = liveHourOf(host, store, status);
  const rates = interfaceRatesOf(host);
  let drawn: string | undefined;
  while (!signal.aborted) {
    const mark = `${live.mark()} ${rates.mark()}`;
    if (mark !== drawn) {
      drawn = mark;
      const state = live.look();
      const interfaces = await rates.look();
      const clients = byRate(state.summary.clients, state.growth?.clients, clientRows);
      const names = await namesFor(call, clients);
      if (call.json) io.out(`${JSON.stringify(liveJson(state, interfaces, names))}\n`);
      else {
        const style = { color: io.color, columns: io.columns };
        const whenEmpty = nextStep(status(), store.base, true).text;
        const text = liveText({ state, interfaces, names, whenEmpty, lines: io.rows }, style);
        io.out(`${io.stdoutIsTerminal ? "\u001b[H\u001b[2J" : ""}${text}\n`);
      }
    }
    await host.clock.sleep(lookEveryMs, signal).catch(() => undefined);
  }
  return 0;
}
