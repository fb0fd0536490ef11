/**
 * Failover on a dead uplink with real keepalived: the provider behind the primary's WANs goes, their carrier stays. The site moves by itself, once,
 * and stays, also when the line is back. The lab has no mwan3: its tracker pings as mwan3 does, and a plugin of rpcd tells its words in the form that
 * was recorded from `ubus call mwan3 status`.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { until } from "@nethsec/host/testing/until";
import { agentView, type Firewall, inPlace, makeCluster } from "../src/ha-cluster.ts";
import { Lab } from "../src/lab.ts";
import { story } from "../src/scenario.ts";
import { consoles } from "./consoles.ts";

setDefaultTimeout(paced(300_000));

let lab: Lab;
const { good } = consoles(() => lab);
const nodes = ["primary", "backup"] as const;

const words = `cat >/usr/libexec/rpcd/mwan3 <<'TEXT'
#!/bin/sh
case "$1 $2" in
	list*) echo '{"status":{"section":"x","interface":"x"}}' ;;
	"call status")
		printf '{"interfaces":{'
		between=
		for file in /var/run/mwan3track/*/STATUS; do
			[ -f "$file" ] || continue
			read -r word <"$file"
			name=\${file%/STATUS}
			printf '%s"%s":{"status":"%s","up":true}' "$between" "\${name##*/}" "$word"
			between=,
		done
		printf '},"policies":{}}\\n'
		;;
esac
TEXT
chmod +x /usr/libexec/rpcd/mwan3
/etc/init.d/rpcd reload`;

beforeAll(async () => {
  lab = await Lab.up({ name: `hau${process.pid}` });
  await makeCluster(lab);
  for (const node of nodes) await good(node, words);
});
afterAll(() => lab?.down());

interface Status {
  readonly state: string;
  readonly uplinks?: {
    readonly watched: readonly { readonly interface: string; readonly status: string | null }[];
    readonly last_move: { readonly to: string; readonly by: string } | null;
  };
  readonly conditions: readonly { readonly code: string; readonly text: string }[];
}
const status = async (node: Firewall): Promise<Status> =>
  JSON.parse(await good(node, "ns-ha-config status --json")) as Status;
const wordsOf = async (node: Firewall): Promise<string[]> =>
  ((await status(node)).uplinks?.watched ?? []).map((each) => `${each.interface} ${each.status ?? "-"}`);

/** How often the backup took over, by its history. */
const takeovers = async (): Promise<string[]> =>
  (await good("backup", "ns-ha-config history -n 200")).split("\n").filter((line) => line.includes("-> master"));

test("the lines behind the primary's WANs die: the site moves by itself, once, and stays", () =>
  story(lab, "failover on a dead uplink", async () => {
    await good(
      "primary",
      "ns-ha-config watch-uplink wan on; ns-ha-config watch-uplink wan2 on; ns-ha-config sync --wait",
    );
    expect(await good("backup", "uci get ns-ha.uplinks.watch")).toBe("wan wan2\n");
    await until(async () => (await wordsOf("primary")).join() === "wan online,wan2 online", {
      what: "the agent hears mwan3",
      timeoutMs: 30_000,
      everyMs: 500,
    });
    expect(await good("primary", "ns-ha-config drill || :")).toContain(
      "mwan3 follows the watched WANs (wan: online, wan2: online)",
    );

    const atFirst = (await takeovers()).length;
    await lab.partition("primary", "internet");
    // No cable is out: only mwan3 can tell. The site moves after a minute at the earliest.
    expect(await lab.sh("primary", "cat /sys/class/net/eth1/carrier")).toBe("1");
    await inPlace(lab, "backup", "master", 150_000);
    await inPlace(lab, "primary", "backup");
    await until(
      async () => (await lab.exec("client1", ["ping", "-c", "1", "-W", "1", "192.0.2.1"], { ok: "any" })).code === 0,
      {
        what: "the client reaches the internet by the backup",
        timeoutMs: 30_000,
      },
    );
    const why =
      "the site moves to the backup node: all watched WANs of the primary node are dead (wan: offline, wan2: offline)";
    expect(await good("primary", "ns-ha-config history -n 50")).toContain(why);
    expect(await lab.sh("primary", "cat /var/log/messages")).toContain(why);
    expect((await status("primary")).conditions.map(({ text }) => text).join("\n")).toContain(
      "The site was handed over to the backup node because all watched WANs of this node were dead",
    );
    await until(async () => (await status("backup")).uplinks?.last_move?.by === "uplinks", {
      what: "the backup knows why it carries the site",
      timeoutMs: 20_000,
      everyMs: 500,
    });
    expect(await good("backup", "ns-ha-config history -n 50")).toContain(
      "the primary node moved the site to the backup node",
    );

    await lab.heal();
    // The hold-down and the role survive a restart of the agent.
    await good("primary", "/etc/init.d/ns-ha restart");
    await inPlace(lab, "primary", "backup", 60_000);
    await until(async () => (await wordsOf("backup")).join() === "wan online,wan2 online", {
      what: "the backup's lines work",
      timeoutMs: 60_000,
      everyMs: 500,
    });
    const before = await takeovers();
    const from = performance.now();
    await until(
      async () => {
        const views = await Promise.all(nodes.map((node) => agentView(lab, node)));
        expect(views.map((view) => view?.state)).toEqual(["backup", "master"]);
        return performance.now() - from > 5000;
      },
      { what: "five seconds without a transition", everyMs: 250 },
    );
    expect(await takeovers()).toEqual(before);
    expect(before).toHaveLength(atFirst + 1);

    await good("primary", "ns-ha-config switch --to primary");
    await inPlace(lab, "primary", "master", 60_000);
    await inPlace(lab, "backup", "backup", 60_000);
    expect((await status("primary")).uplinks?.last_move).toMatchObject({ to: "primary", by: "administrator" });
  }));
