/** `switch` as a part of the agent: runs the switchover, and writes its result into the history. */
import { NethsecError } from "@nethsec/host/error";
import { messageOf } from "@nethsec/host/message-of";
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import type { SwitchResult } from "../cluster/agent-schemas.ts";
import { readMark } from "../cluster/timed-mark.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";
import { answers } from "./agent-server.ts";
import type { PeerClient } from "./peer-client.ts";
import type { PrimaryAlert } from "./primary-alert.ts";
import type { Reconciler } from "./reconciler.ts";
import type { SyncLoop } from "../sync/sync-loop.ts";
import { switchOver } from "./switchover.ts";
import type { UplinkPart } from "./uplink-part.ts";

/** Short, since an administrator waits for the command. */
const syncTimeoutMs = 30_000;

export class SwitchPart implements AgentPart {
  readonly #node: AgentNode;
  readonly #peer: PeerClient;
  readonly #alert: PrimaryAlert;
  readonly #reconciler: Reconciler;
  readonly #sync: Pick<SyncLoop, "now">;
  readonly #uplinks: () => Pick<UplinkPart, "movedByHand">;
  #underWay = false;

  constructor(
    node: AgentNode,
    peer: PeerClient,
    alert: PrimaryAlert,
    reconciler: Reconciler,
    sync: Pick<SyncLoop, "now">,
    uplinks: () => Pick<UplinkPart, "movedByHand">,
  ) {
    this.#uplinks = uplinks;
    this.#sync = sync;
    this.#node = node;
    this.#peer = peer;
    this.#alert = alert;
    this.#reconciler = reconciler;
  }

  readonly routes = [
    answers(agentEndpoints.switch, async ({ to }) => {
      const result = await this.switchTo(to);
      this.#uplinks().movedByHand(to);
      return result;
    }),
  ];

  /** `begin`: called when nothing refuses it any more, before the first step. Throws `switch_refused`, `switch_failed`, and the link's errors. */
  async switchTo(to: "primary" | "backup", begin: () => void = () => undefined): Promise<SwitchResult> {
    if (this.#underWay)
      throw new NethsecError({
        code: "switch_refused",
        message: "No switchover: another one is under way.",
        advice: "Wait until it has ended: ns-ha-config status",
      });
    this.#underWay = true;
    try {
      return await this.#run(to, begin);
    } finally {
      this.#underWay = false;
    }
  }

  async #run(to: "primary" | "backup", begin: () => void): Promise<SwitchResult> {
    const { host, config, history } = this.#node;
    const result = await switchOver(
      {
        host,
        config,
        state: () => this.#node.state,
        maintenance: () => readMark(host.files, "maintenance"),
        converged: () => this.#reconciler.converged,
        peer: () => this.#peer.facts(),
        bringUpToDate: () => this.bringUpToDate(),
        announce: (planned) => this.announce(planned),
        begin,
      },
      to,
    );
    history.add({
      node: config.role,
      kind: "switch",
      text: `switched to the ${to}, ${result.outageMs} ms without the VIP`,
      ...(result.convergedMs === undefined ? {} : { tookMs: result.convergedMs }),
    });
    return result;
  }

  /** Synchronises; returns why the backup is not up to date. Files held back do not count: they are reported elsewhere, and the rest has arrived. */
  async bringUpToDate(): Promise<string | undefined> {
    const { config, host } = this.#node;
    if (!config.sync.enabled) return undefined;
    const late = host.clock.sleep(syncTimeoutMs).then(() => undefined);
    const outcome = await Promise.race([this.#sync.now(() => undefined), late]);
    if (outcome === undefined) return `the synchronisation takes longer than ${syncTimeoutMs / 1000} s`;
    return outcome.ok || outcome.withheld !== undefined ? undefined : outcome.status;
  }

  /** Tells both nodes that a takeover is planned, or is not. Never throws. */
  async announce(planned: boolean): Promise<void> {
    this.#alert.handsOver(planned);
    await this.#peer.announce(planned).catch((error: unknown) => {
      this.#node.host.log("warning", `the switchover was not announced: ${messageOf(error)}`);
    });
  }
}
