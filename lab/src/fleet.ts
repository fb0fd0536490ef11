/** Administration of the lab's controller and portal, for tests and the demo. */
import type { Lab } from "./lab.ts";
import type { NodeName } from "./topology.ts";
import { until } from "@nethsec/host/testing/until";

export interface JoinCode {
  readonly fqdn: string;
  readonly token: string;
  readonly unit_id: string;
}

/** As `ns-plug status --json` prints it. */
export interface UnitStatus {
  readonly status: string;
  readonly phase: string;
  readonly reason?: string;
  readonly address?: string;
  readonly push: { readonly status: string };
}

/** Secrets of the subscriptions that the lab's portal accepts. */
export const secrets = { enterprise: "lab-enterprise-secret", community: "lab-community-secret" } as const;

export class Fleet {
  readonly #lab: Lab;
  constructor(lab: Lab) {
    this.#lab = lab;
  }

  async addUnit(name: string): Promise<JoinCode> {
    const code = await this.#lab.sh("controller", `lab-controller add-unit ${name}`);
    const join: JoinCode = JSON.parse(Buffer.from(code, "base64").toString());
    return join;
  }

  /** approve, revoke, move, reinstall, fault, override: see `lab-controller`. */
  async controller(...words: readonly string[]): Promise<string> {
    return (await this.#lab.exec("controller", ["lab-controller", ...words])).stdout;
  }

  /** Joins a controller by the documented commands. The only unit of the fleet needs no long `rejoin_spread`. */
  async join(node: NodeName, { unit_id, token, fqdn }: JoinCode): Promise<void> {
    await this.#lab.sh(
      node,
      `uci set ns-plug.config.server=https://${fqdn}; uci set ns-plug.config.unit_id=${unit_id}; uci set ns-plug.config.token=${token}; ` +
        "uci set ns-plug.config.rejoin_spread=3; uci commit ns-plug; /etc/init.d/ns-plug restart",
    );
  }

  async status(node: NodeName): Promise<UnitStatus> {
    const status: UnitStatus = JSON.parse(await this.#lab.sh(node, "ns-plug status --json"));
    return status;
  }

  /** Waits until the unit's status satisfies the condition; returns the elapsed milliseconds. */
  async untilStatus(
    node: NodeName,
    what: string,
    condition: (status: UnitStatus) => boolean,
    timeoutMs = 60_000,
  ): Promise<number> {
    const started = performance.now();
    let last: UnitStatus | undefined;
    try {
      await until(async () => condition((last = await this.status(node))), {
        what: `${node}: ${what}`,
        timeoutMs,
        everyMs: 200,
      });
    } catch (cause) {
      throw new Error(`${node} did not come to: ${what}. Last: ${JSON.stringify(last)}`, { cause });
    }
    return Math.round(performance.now() - started);
  }

  untilConnected(node: NodeName, timeoutMs?: number): Promise<number> {
    return this.untilStatus(node, "connected", ({ phase }) => phase === "connected", timeoutMs);
  }

  /** What the portal has received so far. */
  async portal<Field extends keyof PortalRecord>(field: Field): Promise<PortalRecord[Field]> {
    const record: PortalRecord = JSON.parse(
      await this.#lab.sh("portal", "cat /etc/lab/portal/state.json 2>/dev/null || echo {}"),
    );
    return record[field] ?? [];
  }

  /** All requests to the portal since its boot, including those answered with an injected fault. */
  async portalRequests(): Promise<readonly RecordedRequest[]> {
    const lines = await this.#lab.sh("portal", "cat /var/log/lab-requests.jsonl 2>/dev/null || true");
    return lines
      .split("\n")
      .filter((line) => line !== "")
      .map((line): RecordedRequest => JSON.parse(line));
  }

  async portalFault(word: string): Promise<void> {
    await this.#lab.exec("portal", ["lab-portal", "fault", word]);
  }
}

/** A request as the lab's servers record it. */
export interface RecordedRequest {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What the portal has received, in order. */
export interface PortalRecord {
  readonly alerts: readonly { readonly lk: string; readonly alert_id: string; readonly status: string }[];
  readonly heartbeats: readonly { readonly lk: string }[];
  readonly inventories: readonly { readonly lk: string; readonly data: Readonly<Record<string, unknown>> }[];
  /** Requests received by the second portal. */
  readonly copies: readonly {
    readonly lk: string;
    readonly what: string;
    readonly name: string;
    readonly data: unknown;
  }[];
  readonly freed: readonly string[];
}
