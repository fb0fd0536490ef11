/**
 * SSH link between the nodes when connections are refused, dropped, hanging or slow: documented messages, bounded time, automatic recovery. Also
 * clocks one hour apart, and images and packages sent to a backup without internet. The tests share one cluster and depend on their order.
 */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { agentView, inPlace, makeCluster } from "../src/ha-cluster.ts";
import { Lab } from "../src/lab.ts";
import { story } from "../src/scenario.ts";
import { until } from "@nethsec/host/testing/until";

setDefaultTimeout(paced(120_000));

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.up({ name: `hak${process.pid}` });
  await makeCluster(lab);
});
afterAll(() => lab?.down());
afterEach(async () => {
  await onPort();
  lab.resume("backup", "dropbear");
});

const scenario = (what: string, run: () => Promise<void>): void => {
  test(what, () => story(lab, what, run));
};
interface Result {
  readonly success: boolean;
  readonly status: string;
  readonly advice?: string;
}
/** Result of `ns-ha-config sync --wait`, and its duration in seconds. */
async function sync(): Promise<Result & { seconds: number }> {
  const started = performance.now();
  const { stdout } = await lab.exec("primary", ["ns-ha-config", "sync", "--wait", "--json"], {
    ok: "any",
    timeoutMs: 90_000,
  });
  const result: Result = JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}");
  return { ...result, seconds: (performance.now() - started) / 1000 };
}
/** Sets the backup's nftables verdict for packets to the link's port; without an argument, removes it. */
const onPort = (verdict?: string): Promise<string> =>
  lab.sh(
    "backup",
    "nft delete table inet trouble 2>/dev/null; " +
      (verdict === undefined
        ? ":"
        : `nft 'add table inet trouble; add chain inet trouble in { type filter hook input priority -10; }; add rule inet trouble in tcp dport 65022 ${verdict}'`),
  );
/** Lines "Label: value" of `ns-ha-config status`. */
const shown = async (node: "primary" | "backup", label: string): Promise<string> =>
  lab.sh(node, `ns-ha-config status | sed -n 's/^${label}: //p'`);
const changed = (text: string): Promise<string> =>
  lab.sh("primary", `uci set system.@system[0].notes='${text}'; uci commit system`);
const arrived = (text: string, timeoutMs: number): Promise<unknown> =>
  until(async () => (await lab.sh("backup", "uci -q get system.@system[0].notes || :")) === text, {
    what: `the backup has "${text}"`,
    timeoutMs,
    everyMs: 200,
  });

/** Asserts that a synchronisation fails with this reason within `seconds`, and that all commands report the same reason. */
async function fails(reason: string, seconds: number): Promise<void> {
  const failed = await sync();
  expect(failed).toMatchObject({ success: false, status: "SSH Connection Failed" });
  const sentence = `The backup node 192.168.100.239 cannot be reached by SSH on port 65022: ${reason}.`;
  expect(failed.advice).toStartWith(sentence);
  expect(failed.seconds).toBeLessThan(paced(seconds));
  expect(await shown("primary", "Last Sync Status")).toBe("SSH Connection Failed");
  expect(await lab.sh("primary", "ns-ha-config status")).toContain(`  error: SSH Connection Failed: ${sentence}`);
  const drill = await lab.exec("primary", ["ns-ha-config", "drill"], { ok: "any", timeoutMs: 30_000 });
  expect(drill.stdout).toContain(`fail     ${sentence}\n`);
}

scenario("a link that is refused is told in the documented words at once, and heals by itself", async () => {
  await onPort("reject with tcp reset");
  await changed("refused");
  await fails("connection refused", 3);
  await onPort();
  // The agent retries without a command.
  await arrived("refused", 40_000);
  await until(async () => (await agentView(lab, "primary"))?.conditions.includes("sync_failed") === false, {
    what: "the condition has ended",
  });
  expect(await shown("primary", "Last Sync Status")).toBe("Successful");
});

for (const [what, begin, end] of [
  ["silent", () => onPort("drop"), () => onPort()],
  ["hanging", () => lab.pause("backup", "dropbear"), () => lab.resume("backup", "dropbear")],
] as const) {
  scenario(`a link that is ${what} is told within half a minute`, async () => {
    await begin();
    await fails("no answer in time", 30);
    await end();
    expect(await sync()).toMatchObject({ success: true, status: "Successful" });
  });
}

scenario("a slow link takes its time and succeeds", async () => {
  await lab.sh(
    "primary",
    "mkdir -p /root/slow; uci add_list keepalived.ha_peer.sync_list=/root/slow; uci commit keepalived; reload_config",
  );
  await onPort("limit rate over 60 kbytes/second burst 20 kbytes drop");
  await lab.sh("primary", "head -c 250000 /dev/urandom >/root/slow/file");
  const { success, seconds } = await sync();
  await onPort();
  expect([success, seconds > 2]).toEqual([true, true]);
  expect(await lab.sh("backup", "sha256sum /root/slow/file")).toBe(
    await lab.sh("primary", "sha256sum /root/slow/file"),
  );
});

scenario(
  "an image is downloaded, verified, sent and installed there; one with another SHA-256 is refused",
  async () => {
    const release = "/srv/www/stable/8.7.9/targets/x86/64";
    const name = "nethsecurity-8.7.9-x86-64-generic-squashfs-combined-efi.img.gz";
    const publish = (sum: string): Promise<string> =>
      lab.sh(
        "internet",
        `mkdir -p ${release}; echo 8.7.9 >/srv/www/stable/latest_release; [ -f ${release}/${name} ] || head -c 2000000 /dev/urandom >${release}/${name}; ` +
          `echo "$(${sum}) *${name}" >${release}/sha256sums`,
      );
    await publish("printf %064d 7");
    const refused = await lab.exec("primary", ["ns-ha-config", "upgrade-remote"], { ok: "any", timeoutMs: 60_000 });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`The image ${name} does not have the SHA-256 that its release lists.`);
    expect(await lab.sh("primary", "ls /tmp/download 2>/dev/null || :")).toBe("");
    expect(await lab.sh("backup", "ls /tmp/ns-ha-upgrade.img /etc/lab/upgraded 2>/dev/null || :")).toBe("");

    await publish(`sha256sum ${release}/${name} | cut -d' ' -f1`);
    const boot = (): string | undefined => lab.node("backup").init()?.start;
    const before = boot();
    const said = await lab.sh("primary", "ns-ha-config upgrade-remote", { timeoutMs: 60_000 });
    expect(said).toBe(
      `The backup node 192.168.100.239 installs /tmp/download/${name} and restarts; see: ns-ha-config status`,
    );
    await until(() => boot() !== undefined && boot() !== before, {
      what: "the backup has restarted",
      timeoutMs: 30_000,
    });
    await inPlace(lab, "backup", "backup", 60_000);
    const sum = await lab.sh("internet", `sha256sum ${release}/${name} | cut -d' ' -f1`);
    expect(await lab.sh("backup", "cat /etc/lab/upgraded")).toStartWith(`${sum} `);
    expect(await shown("primary", "Current State")).toBe("master");
  },
);

/** Fake opkg with the needed subset: a list of installed packages, and packages as files on the distribution server. */
const opkg = `#!/bin/sh
case $1 in
	list-installed) cat /etc/lab/packages ;;
	download) curl -sSfO "https://updates.nethsecurity.nethserver.org/packages/$2.ipk" ;;
	install) for file; do :; done; line=$(cat "$file"); sed -i "/^\${line%% *} /d" /etc/lab/packages; echo "$line" >>/etc/lab/packages ;;
esac
`;

scenario("packages of the backup are made those of the primary, and no others are touched", async () => {
  await lab.sh(
    "internet",
    "mkdir -p /srv/www/packages; for p in 'nethsec - 0.3.0-1' 'snort3 - 3.5-1'; do echo \"$p\" >/srv/www/packages/${p%% *}.ipk; done",
  );
  for (const [node, installed] of [
    ["primary", ["keepalived - 2.3.3-1", "nethsec - 0.3.0-1", "snort3 - 3.5-1"]],
    ["backup", ["keepalived - 2.3.3-1", "nethsec - 0.2.0-1", "own - 1"]],
  ] as const) {
    await lab.sh(
      node,
      `cat >/bin/opkg; chmod 755 /bin/opkg; mkdir -p /etc/lab; echo '${installed.join("\n")}' >/etc/lab/packages`,
      {
        stdin: opkg,
      },
    );
  }
  expect(await lab.sh("primary", "ns-ha-config upgrade-remote --packages", { timeoutMs: 60_000 })).toBe(
    "Installed on the backup node: nethsec 0.3.0-1, snort3 3.5-1.",
  );
  expect(await lab.sh("backup", "cat /etc/lab/packages")).toBe(
    "keepalived - 2.3.3-1\nown - 1\nnethsec - 0.3.0-1\nsnort3 - 3.5-1",
  );
  expect(await lab.sh("primary", "ns-ha-config upgrade-remote --packages")).toBe(
    "The backup node has the same packages already.",
  );
  await lab.sh("backup", "sed -i s/0.3.0/0.1.0/ /etc/lab/packages");
  await lab.sh("internet", "rm /srv/www/packages/nethsec.ipk");
  const failed = await lab.exec("primary", ["ns-ha-config", "upgrade-remote", "--packages"], { ok: "any" });
  expect([failed.code, failed.stdout]).toEqual([1, ""]);
  expect(failed.stderr).toContain("nethsec");
});

scenario(
  "clocks that are an hour apart: it synchronises, times are the node's own, the history is in the order of what happened",
  async () => {
    lab.setClock("backup", { wall: 3600, monotonic: 0 });
    await lab.kill("backup");
    await lab.boot("backup");
    await inPlace(lab, "backup", "backup", 60_000);
    await changed("an hour later");
    expect(await sync()).toMatchObject({ success: true, status: "Successful" });
    await arrived("an hour later", 1000);
    for (const node of ["primary", "backup"] as const) {
      const [at = 0, now = 0] = (await lab.sh(node, `ns-ha-config status --json | jq .last_sync_time; date +%s`))
        .split("\n")
        .map(Number);
      expect([node, now - at < 30, now >= at]).toEqual([node, true, true]);
    }
    const offset = Number(await lab.sh("backup", "date +%s")) - Number(await lab.sh("primary", "date +%s"));
    expect(Math.abs(offset - 3600)).toBeLessThan(5);
    const { entries } = JSON.parse(await lab.sh("primary", "ns-ha-config history -n 4 --json")) as {
      entries: { at: number; node: string; kind: string }[];
    };
    // Times of the backup's entries are corrected by the clock offset measured over the link: they match the primary's, not an hour apart.
    const last = (who: string): number =>
      entries.findLast(({ node, kind }) => node === who && kind === "sync")?.at ?? 0;
    expect(Math.abs(last("backup") - last("primary"))).toBeLessThan(paced(1500));
    const now = Number(await lab.sh("primary", "date +%s")) * 1000;
    expect(entries.every(({ at }) => at < now + 3000)).toBe(true);
    expect(await lab.exec("primary", ["ns-ha-config", "drill"], { ok: "any" }).then(({ stdout }) => stdout)).toMatch(
      /^warning +The clocks of the nodes are (1 h|59 min|60 min)( \S+ \S+)? apart$/m,
    );
  },
);
