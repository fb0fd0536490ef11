/**
 * The baseline: keepalived with ten advertisements a second and one shell script for each transition that does everything one after the other,
 * as hotplug scripts do. No connection tracking, no synchronisation, no retry.
 */
import { keepalivedConf } from "../src/keepalived-baseline.ts";
import type { Argv } from "@nethsec/host/host";
import type { Lab } from "../src/lab.ts";
import { vip } from "../src/topology.ts";
import { until } from "@nethsec/host/testing/until";

/** Waited for. Not mwan3: without synchronisation the backup knows no second WAN, and mwan3 does not run. */
const daemons = ["dnsmasq", "netifyd", "ns-flows", "snmpd", "swanctl"];
const others = "mwan3 banip openvpn ns-binding flashstart ddns adblock acme dpi dpi-update ns-plug nginx ns-ui";

const script = `#!/bin/sh
exec 9>/tmp/turn.lock; flock 9
echo "$1 begun" > /tmp/turn
turn() {
case "$1" in
master)
	ifup wan; ifup wan2
	for s in firewall qosify ns-netmap rpcd system dropbear; do /etc/init.d/$s reload; done
	for s in ${daemons.join(" ")} ${others}; do /etc/init.d/$s restart; done
	arping -q -A -c 2 -w 1 -I eth1 203.0.113.10 &
	;;
*)
	ifdown wan; ifdown wan2
	for s in ${daemons.join(" ")} ${others}; do /etc/init.d/$s stop; done
	;;
esac
}
# The daemons must not keep the lock.
turn "$1" 9>&-
echo "$1 done" > /tmp/turn
`;

/** Starts it on both firewalls, also at each boot; returns the services that run on the master only. */
export async function startSerialBaseline(lab: Lab): Promise<readonly string[]> {
  for (const [node, priority] of [
    ["primary", 100],
    ["backup", 50],
  ] as const) {
    const notify = ["master", "backup", "fault"]
      .map((state) => `  notify_${state} "/etc/takeover ${state}"`)
      .join("\n");
    const conf = keepalivedConf("fast", priority).replace("interface br-lan", `interface br-lan\n${notify}`);
    const write = (path: string, mode: string): Argv => ["sh", "-c", `cat > ${path}; chmod ${mode} ${path}`];
    await lab.exec(node, write("/etc/serial.conf", "600"), {
      stdin: conf.replace("global_defs {", "global_defs {\n  script_user root"),
    });
    await lab.exec(node, write("/etc/takeover", "755"), { stdin: script });
    const start = "keepalived --use-file /etc/serial.conf --pid /run/serial.pid --vrrp_pid /run/serial-vrrp.pid";
    const init = `#!/bin/sh /etc/rc.common\nSTART=70\nstart() { ${start}; }\nboot() { start; }\n`;
    await lab.exec(node, write("/etc/init.d/serial", "755"), { stdin: init });
    await lab.sh(
      node,
      "for s in wan wan2; do uci set network.$s.auto=0; done; " +
        "uci set network.wan.proto=static; uci set network.wan.device=eth1; uci set network.wan.ipaddr=203.0.113.10/24; uci set network.wan.gateway=203.0.113.1; " +
        "uci commit network; /etc/init.d/serial enable; /etc/init.d/serial start",
    );
  }
  await until(
    async () =>
      (await lab.sh("primary", "cat /tmp/turn")) === "master done" &&
      (await lab.sh("backup", "cat /tmp/turn")) === "backup done",
    {
      what: "the baseline is in place",
      timeoutMs: 60_000,
      everyMs: 100,
    },
  );
  await lab.sh("client1", `ip route replace default via ${vip} && echo nameserver ${vip} > /etc/resolv.conf`);
  return daemons;
}
