/**
 * telegraf's Prometheus exporter inside the tunnel: the controller scrapes the unit's metrics at port 9273 of its tunnel address (recorded:
 * controller-openvpn.json, `used_at_the_unit`). The file has the name and content that NethSecurity's own packages give it; telegraf
 * watches the folder.
 */
import type { Host } from "@nethsec/host/host";

const folder = "/etc/telegraf.conf.d";
export const exporterPath = `${folder}/controller-prometheus.conf`;

/** Makes telegraf listen on `address`; undefined removes the exporter. Does nothing on a machine without telegraf. */
export function setMetricsExporter({ files }: Pick<Host, "files">, address: string | undefined): void {
  if (!files.exists(folder)) return;
  if (address === undefined) {
    files.remove(exporterPath);
    return;
  }
  const text = `# Written by ns-plug while the tunnel to the controller is up.\n[[outputs.prometheus_client]]\n  listen = "${address}:9273"\n`;
  if (files.readText(exporterPath) !== text) files.write(exporterPath, text, { mode: 0o644 });
}
