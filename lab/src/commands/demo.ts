/** `lab demo`: plays the demo and prints it to the terminal. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Io, RunCommand } from "@nethsec/host/command/command";
import { table } from "@nethsec/host/command/table";
import { formatBytes } from "@nethsec/host/units";
import { describeFigures, describeLanes } from "../demo/describe.ts";
import { playDemo, type Demo } from "../demo/demo.ts";
import { renderPicture } from "../demo/picture.ts";
import { Lab } from "../lab.ts";
import { orAborted } from "../or-aborted.ts";
import { installMissingPackages } from "../prerequisites.ts";
import { labName, typed } from "./lab-of-call.ts";

export const demo: RunCommand = async ({ options, io, json, signal }) => {
  const out = (text: string): void => {
    if (json) io.err(text);
    else io.out(text);
  };
  const bold = (text: string): string => (io.color ? `\u001b[1m${text}\u001b[0m` : text);
  const began = performance.now();
  const seconds = (): string => `${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s`;
  let chapters = 0;
  const tell = {
    chapter: (title: string): void => out(`\n${bold(`${++chapters}. ${title}`)}\n`),
    line: (text: string): void => out(`${seconds()}  ${text}\n`),
  };
  await installMissingPackages(tell.line);
  tell.chapter("Two firewalls, clients, a provider, a controller: all on this machine");
  const lab = await Lab.up({ name: labName(io.env), fresh: true, say: tell.line, signal });
  let keep = options["keep"] === true;
  try {
    const result = await orAborted(playDemo(lab, tell), signal);
    if (typeof options["record"] === "string") record(options["record"], result);
    if (json) io.out(`${JSON.stringify(result)}\n`);
    else out(summary(result, io, bold, keep || io.stdinIsTerminal));
    if (keep) out(nextCommands(typed(io.env), result));
    else if (io.stdinIsTerminal && !json) {
      out(`Open ${result.reportUrl} in a browser on this machine. Enter ends the lab.\n`);
      await orAborted(io.readLine(), signal);
    }
  } catch (error) {
    keep = false;
    throw error;
  } finally {
    if (!keep) await lab.down();
  }
  return 0;
};

/** `stays`: the lab keeps running, so the summary shows the URL of the report. */
function summary(result: Demo, io: Io, bold: (text: string) => string, stays: boolean): string {
  const rows = [
    ...describeFigures(result.failover),
    ["Configuration in step after", `${result.syncMs} ms`],
    [
      "Report of today",
      `${result.report.clients} clients, ${formatBytes(result.report.bytes)}${stays ? `: ${result.reportUrl}` : ""}`,
    ],
  ].map((row) => [...row]);
  return [
    "",
    ...describeLanes(result.failover, io.columns),
    "",
    bold("What it cost"),
    table([{ title: "" }, { title: "" }], rows, io).replace(/^\s*\n/, ""),
    "",
  ].join("\n");
}

function nextCommands(lab: string, { reportUrl }: Demo): string {
  return `
The lab is still up. Try:
  ${lab} exec primary -- ns-ha-config status
  ${lab} exec primary -- ns-ha-config history
  ${lab} cut primary lan          # pull a cable; heal puts it back
  ${lab} probe --seconds 20       # what a client sees meanwhile
  ${lab} shell primary
  ${reportUrl}   the reports, in a browser on this machine
  ${lab} down
`;
}

function record(path: string, { failover }: Demo): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, renderPicture(failover));
}
