/** The lab's commands against OpenWrt's recorded answers, entry by entry. What cannot be played is in the tables, with the reason. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { Lab } from "../../src/lab.ts";
import { until } from "@nethsec/host/testing/until";
import { ifupIfdown, interfaceStatus, netifdDevices, network, networkReload } from "./contract/netifd.ts";
import { hotplug, initScripts, procdTriggers, reloadConfig, serviceList, services } from "./contract/procd.ts";
import { type Answer, difference, type Play, recorded, type Topic } from "./contract/recorded.ts";
import { paths, plugins, rpcd, ubusCommand, uci } from "./contract/ubus.ts";

const topics: readonly Topic[] = [
  interfaceStatus,
  ifupIfdown,
  networkReload,
  netifdDevices,
  initScripts,
  serviceList,
  reloadConfig,
  procdTriggers,
  hotplug,
  rpcd,
  ubusCommand,
  uci,
  paths,
];

setDefaultTimeout(paced(90_000));
let lab: Lab;
beforeAll(async () => {
  lab = await Lab.up({ name: `fo${process.pid}` });
});
afterAll(() => lab?.down());

const run = async (script: string): Promise<Answer> =>
  lab.exec("primary", ["sh", "-c", script], { ok: "any", timeoutMs: 60_000 });

test("every entry is played or has a reason why not", () => {
  const all = [...recorded].flatMap(([id, entries]) => entries.map((_, index) => `${id} ${index}`));
  const told = topics.flatMap(({ id, plays, notPlayable }) => [
    ...plays.map(({ entry }) => `${id} ${entry}`),
    ...Object.keys(notPlayable).map((entry) => `${id} ${entry}`),
  ]);
  expect(told.toSorted()).toEqual(all.toSorted());
  const played = topics.reduce((sum, { plays }) => sum + plays.length, 0);
  console.log(`OpenWrt's recorded answers: ${all.length}; played ${played}, not playable ${all.length - played}`);
  expect([all.length, played]).toEqual([209, 189]);
});

async function play(topic: string, played: Play): Promise<void> {
  const entry = recorded.get(topic)?.[played.entry];
  if (entry === undefined) throw new Error(`${topic} has no entry ${played.entry}`);
  if (played.before !== undefined) await run(played.before);
  const compare = async (): Promise<string> =>
    difference(entry, played, await run(played.run ?? entry.command)) ?? "equal";
  let last = await compare();
  if (played.awaited === true && last !== "equal")
    await until(async () => (last = await compare()) === "equal", { what: entry.command, timeoutMs: 15_000 }).catch(
      () => undefined,
    );
  expect(last, `${topic} ${played.entry}: ${entry.command} (${entry.given})`).toBe("equal");
}

const scenes: Readonly<Record<string, string>> = {
  "interface-status": `/etc/init.d/keepalived stop; mv /lib/netifd/proto/bonding.sh /tmp/; ip link add eth4 type veth peer name peer4; ip link set peer4 up
cat >/etc/config/network <<'TEXT'\n${network}TEXT
ubus call network reload`,
  "init-scripts": services,
  "ubus-command": plugins,
};

for (const { id, plays } of topics) {
  if (plays.length === 0) continue;
  describe(id, () => {
    const scene = scenes[id];
    if (scene !== undefined) beforeAll(() => run(scene));
    test.each(plays.map((each) => [`${each.entry}: ${recorded.get(id)?.[each.entry]?.command ?? ""}`, each] as const))(
      "%s",
      async (_, each) => play(id, each),
    );
  });
}
