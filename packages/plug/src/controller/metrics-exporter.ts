/**
 * telegraf's Prometheus exporter inside the tunnel: the controller collects the unit's metrics at port 9273 of its address there (recorded:
 * controller-openvpn.json, `used_at_the_unit`). The name of the file and what is in it are those of NethSecurity's own packages;
 * telegraf watches the folder.
 */
import type { Host } from "@nethsec/host/host";

const folder = "/etc/telegraf.conf.d";
export const exporterPath = `${folder}/controller-prometheus.conf`;

/** undefined: none. A machine without telegraf gets no file. */
export function setMetricsExporter({ files }: Pick<Host, "files">, address: string | undefined): void {
  if (!files.exists(folder)) return;
  if (address === undefined) {
    files.remove(exporterPath);
    return;
  }
  const text = `# Written by ns-plug while the tunnel to the controller is up.\n[[outputs.prometheus_client]]\n  listen = "${address}:9273"\n`;
  if (files.readText(exporterPath) !== text) files.write(exporterPath, text, { mode: 0o644 });
}
