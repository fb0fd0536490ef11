/**
 * Forwards the log to the controller's promtail: UCI section `rsyslog.promtail` (contract ns-plug 1, step 6).
 * rsyslog's init script generates the forwarding rule from that section (RFC 5424 over TCP); deleting the section ends the forwarding.
 */
import type { Host } from "@nethsec/host/host";
import type { Grant } from "./registration.ts";

/** `promtail` undefined: no forwarding. rsyslog is restarted only if the section changed. */
export async function applyLogForwarding(
  host: Pick<Host, "uci" | "services">,
  promtail: Grant["promtail"],
): Promise<void> {
  const changed = host.uci.change((transaction) => {
    if (promtail === undefined) {
      transaction.delete("rsyslog", "promtail");
      return;
    }
    transaction.setSection("rsyslog", "promtail", "forwarder");
    transaction.set("rsyslog", "promtail", "source", "*.*");
    transaction.set("rsyslog", "promtail", "protocol", "tcp");
    transaction.set("rsyslog", "promtail", "target", promtail.address);
    transaction.set("rsyslog", "promtail", "port", String(promtail.port));
    transaction.set("rsyslog", "promtail", "rfc", "5424");
  });
  if (changed.length > 0 && host.services.exists("rsyslog")) await host.services.call("rsyslog", "restart");
}
