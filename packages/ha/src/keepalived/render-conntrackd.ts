/** conntrackd.conf from the cluster's configuration. Pure. Options: conntrackd.conf(5) of conntrack-tools 1.4.6 to 1.4.8. */
import { conntrackdPort, type HaConfig } from "../cluster/config.ts";

/**
 * Reliable protocol (FTFW) over UDP between the two nodes' addresses on the HA interface. The external cache is enabled, so that a
 * takeover needs one commit. Connections that end on the node itself (loopback, the nodes' and the main virtual address) are not replicated. The
 * other virtual addresses are not listed: conntrackd reads its file only at start, and a restart would empty the cache that a
 * failover needs.
 */
export function renderConntrackd(config: HaConfig): string {
  const nodes = [config.nodeAddress, config.peer.address].sort();
  const main = config.interfaces.slice(0, 1).map(({ virtualIp }) => virtualIp.split("/")[0] ?? virtualIp);
  const ignored = ["127.0.0.1", ...nodes, ...main];
  return `# Written by ns-ha from /etc/config/keepalived: do not edit.
Sync {
	Mode FTFW {
		ResendQueueSize 131072
		PurgeTimeout 5
		CommitTimeout 180
		ACKWindowSize 300
		DisableExternalCache Off
		StartupResync On
	}
	UDP {
		IPv4_address ${config.nodeAddress}
		IPv4_Destination_Address ${config.peer.address}
		Port ${conntrackdPort}
		Interface ${config.haInterface.device}
		SndSocketBuffer 1249280
		RcvSocketBuffer 1249280
		Checksum On
	}
}
General {
	Systemd Off
	HashSize 32768
	HashLimit 131072
	LogFile Off
	Syslog On
	LockFile /var/lock/conntrack.lock
	UNIX {
		Path /var/run/conntrackd.ctl
	}
	NetlinkBufferSize 2097152
	NetlinkBufferSizeMaxGrowth 8388608
	NetlinkOverrunResync On
	NetlinkEventsReliable On
	EventIterationLimit 200
	Filter From Userspace {
		Protocol Accept {
			TCP
			UDP
		}
		Address Ignore {
${ignored.map((address) => `\t\t\tIPv4_address ${address}`).join("\n")}
		}
	}
}
`;
}
