/**
 * The part of netifyd's configuration that sends its flows to dpireport: our own pair of plugins (a processor and a sink), beside those of other
 * packages, as ns-monitoring does it. Two JSON files in /etc/netifyd and one file of sections in /etc/netifyd/plugins.d. Source of the names: the
 * packages netifyd and ns-monitoring of NethSecurity (contract netifyd5, "configuration", "own_sink").
 */
import type { Files } from "@nethsec/host/host";

const folder = "/etc/netifyd";
const pluginsPath = `${folder}/plugins.d/60-ns-report.conf`;
const processorPath = `${folder}/ns-report-proc.json`;
const sinkPath = `${folder}/ns-report-sink.json`;
const library = (name: string): string => `libnetify-${name}.so.0.0.0`;

export type SinkKind =
  /** netifyd opens a socket, from which dpireport reads. */
  | { readonly kind: "socket" }
  /** netifyd posts each message to dpireport. */
  | { readonly kind: "http"; readonly port: number; readonly path: string };

/** Where netifyd opens the socket of {@link SinkKind} "socket". */
export const ownSocket = "/var/run/netifyd/ns-report.sock";

/** Whether netifyd 5 is installed: 4.x has no plugins folder and opens its socket by itself. */
export function hasPlugins(files: Pick<Files, "stat">): boolean {
  return files.stat(`${folder}/plugins.d`, { follow: true })?.type === "directory";
}

/** Whether the agent has the socket plugin; releases after 8.7.2 do not. */
export function hasSocketSink(files: Pick<Files, "stat">): boolean {
  return files.stat(`/usr/lib/${library("sink-socket")}`, { follow: true }) !== undefined;
}

/** Writes the three files; true when any of them changed and netifyd must be restarted. The sink's file holds the secret: only root can read it. */
export function writeSink(files: Files, sink: SinkKind): boolean {
  const isSocket = sink.kind === "socket";
  const channel = isSocket ? "legacy" : "default";
  const types = isSocket ? ["legacy-socket"] : ["stream-flows", "stream-stats"];
  const processor = {
    format: "json",
    compressor: "none",
    sinks: { "sink-ns-report": { [channel]: { enable: true, types } } },
  };
  const ours = isSocket
    ? { channels: { legacy: { enable: true, bind_address: "unix://${path_state_volatile}/ns-report.sock" } } }
    : {
        timeout_connect: 30,
        timeout_transfer: 300,
        channels: { default: { enable: true, url: `http://127.0.0.1:${sink.port}${sink.path}` } },
      };
  const changed = [
    replace(files, sinkPath, `${JSON.stringify(ours, undefined, 2)}\n`, 0o600),
    replace(files, processorPath, `${JSON.stringify(processor, undefined, 2)}\n`, 0o644),
    replace(files, pluginsPath, sectionsText(isSocket ? "sink-socket" : "sink-http"), 0o644),
  ];
  return changed.includes(true);
}

/** Removes the three files; true when any of them existed. */
export function removeSink(files: Files): boolean {
  const there = [pluginsPath, processorPath, sinkPath].filter((path) => files.exists(path));
  for (const path of there) files.remove(path);
  return there.length > 0;
}

function replace(files: Files, path: string, text: string, mode: number): boolean {
  if (files.readText(path) === text) return false;
  files.write(path, text, { mode });
  return true;
}

function sectionsText(sink: string): string {
  const section = (name: string, plugin: string, file: string): string =>
    `[${name}]\nenable = yes\nplugin_library = \${path_plugin_libdir}/${library(plugin)}\nconf_filename = \${path_state_persistent}/${file}\n`;
  return `# Flows for dpireport (ns-report). Written by "ns-report source"; changes are lost.\n\n${section("proc-ns-report", "proc-core", "ns-report-proc.json")}\n${section("sink-ns-report", sink, "ns-report-sink.json")}`;
}
