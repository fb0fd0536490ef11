/** When the site moves because its uplinks are dead: mwan3's words over time, and the decision, as tables. */
import { describe, expect, test } from "bun:test";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import type { Role } from "../cluster/config.ts";
import type { Uplink, UplinkMove } from "../cluster/uplinks.ts";
import { allDead, decideUplinks, holdDownMs, type OtherSide, works } from "./uplink-decision.ts";
import { uplinkChecks } from "./uplink-drill.ts";
import { look, mwanWords, type Seen, uplinksSeen } from "./uplink-words.ts";

describe("mwan3's words, one each ten seconds", () => {
  const repeated = (word: string, times: number): string[] => Array.from({ length: times }, () => word);
  /** The WANs after those words; "-": mwan3 does not answer. */
  function after(words: readonly string[], everyMs = 10_000): readonly Uplink[] {
    let seen: Seen | undefined;
    words.forEach((word, index) => {
      seen = look(seen, new Map(word === "-" ? [] : [["wan", word]]), index * everyMs);
    });
    return uplinksSeen(["wan"], seen);
  }

  test.each([
    ["offline for a minute", repeated("offline", 7), true],
    ["not yet a minute", repeated("offline", 6), false],
    ["its interface is down", repeated("disabled", 7), true],
    ["first offline, then its interface is down", [...repeated("offline", 3), ...repeated("disabled", 4)], true],
    ["one good word between", [...repeated("offline", 4), "online", ...repeated("offline", 4)], false],
    ["it comes back", [...repeated("offline", 9), "connecting"], false],
    ["it was about to come back", [...repeated("offline", 4), "connecting", ...repeated("offline", 4)], false],
    ["no answer between", [...repeated("offline", 4), "-", ...repeated("offline", 4)], false],
    ["no answer at all", repeated("-", 20), false],
    ["not followed", repeated("notracking", 20), false],
    ["unknown", repeated("unknown", 20), false],
    ["a word that nobody documented", repeated("on holiday", 20), false],
    ["probes fail, still used", repeated("disconnecting", 20), false],
    ["online", repeated("online", 20), false],
  ])("%s: dead %p", (_what, words, dead) => expect(allDead(after(words))).toBe(dead));

  test("a gap between two looks is a break", () => {
    expect(allDead(after(repeated("offline", 10), 40_000))).toBe(false);
  });

  test("a WAN works after ten minutes online: mwan3 begins with online, whatever the line does", () => {
    expect(works(after(repeated("online", 60)))).toBe(false);
    expect(works(after(repeated("online", 61)))).toBe(true);
    expect(works(after([...repeated("online", 59), "offline", "online"]))).toBe(false);
  });

  test.each([
    ['{"interfaces":{"wan":{"status":"offline","up":true},"wan2":{"status":"notracking"}},"policies":{}}', 2],
    ['{"interfaces":{}}', 0],
    ["Command failed: Not found", 0],
    ['{"interfaces":[]}', 0],
  ])("%s", async (stdout, count) => {
    using host = fakeHost({ programs: { ubus: () => stdout } });
    expect((await mwanWords(host)).size).toBe(count);
  });

  test("without mwan3 nothing is known", async () => {
    using host = fakeHost({
      programs: { ubus: () => ({ code: 252, stderr: "Command failed: ubus call mwan3 status (Not found)" }) },
    });
    expect((await mwanWords(host)).size).toBe(0);
    using bare = fakeHost();
    expect((await mwanWords(bare)).size).toBe(0);
  });
});

describe("the decision", () => {
  const minute = 60_000;
  const dead: readonly Uplink[] = [{ name: "wan", word: "offline", deadMs: minute }];
  const half: readonly Uplink[] = [...dead, { name: "wan2", word: "online", onlineMs: minute }];
  const silent: readonly Uplink[] = [...dead, { name: "wan2" }];
  const ready: OtherSide = { carriers: [{ name: "wan", devices: ["eth1"], carrier: true }] };
  const move = (attempt: number, worked: boolean): UplinkMove => ({ at: 0, to: "backup", attempt, worked });
  const rows: [string, Role, readonly Uplink[], UplinkMove | undefined, number, OtherSide | undefined, string][] = [
    ["none is watched", "primary", [], undefined, 0, ready, "alive"],
    ["one of two works", "primary", half, undefined, 0, ready, "alive"],
    ["one of two is not known", "primary", silent, undefined, 0, ready, "alive"],
    ["dead for the first time: ask", "primary", dead, undefined, 0, undefined, "ask"],
    ["the other one is ready", "primary", dead, undefined, 0, ready, "move backup 1"],
    ["and in the other direction", "backup", dead, undefined, 0, ready, "move primary 1"],
    [
      "the other one is unable",
      "primary",
      dead,
      undefined,
      0,
      { unable: "it is fault, not backup" },
      "stay it is fault, not backup",
    ],
    [
      "no carrier there",
      "primary",
      dead,
      undefined,
      0,
      { carriers: [{ name: "wan", devices: ["eth1"], carrier: false }] },
      "stay no carrier on eth1",
    ],
    [
      "its carrier is not known",
      "primary",
      dead,
      undefined,
      0,
      { carriers: [{ name: "wan", devices: ["eth1"] }] },
      "stay no carrier on eth1",
    ],
    ["no such WAN there", "primary", dead, undefined, 0, { carriers: [] }, "stay it has none of the watched WANs"],
    [
      "within the hold-down",
      "backup",
      dead,
      move(1, true),
      holdDownMs - 1,
      ready,
      "stay handed over less than 30 min ago",
    ],
    [
      "an administrator handed over just now",
      "primary",
      dead,
      move(0, true),
      1,
      ready,
      "stay handed over less than 30 min ago",
    ],
    [
      "after the hold-down, it had worked: a new story",
      "backup",
      dead,
      move(1, true),
      holdDownMs,
      ready,
      "move primary 1",
    ],
    [
      "after the hold-down, it never worked: back once",
      "backup",
      dead,
      move(1, false),
      holdDownMs,
      ready,
      "move primary 2",
    ],
    [
      "went back without success: stays",
      "primary",
      dead,
      move(2, false),
      100 * holdDownMs,
      ready,
      "stay Neither node had a working line",
    ],
    ["and again when it has worked", "primary", dead, move(2, true), holdDownMs, ready, "move backup 1"],
  ];
  test.each(rows)("%s", (_what, carriedBy, uplinks, last, sinceLastMs, other, expected) => {
    const verdict = decideUplinks({ carriedBy, uplinks, last, sinceLastMs, other });
    const text =
      verdict.kind === "move"
        ? `move ${verdict.to} ${verdict.attempt}`
        : verdict.kind === "stay"
          ? `stay ${verdict.why}`
          : verdict.kind;
    const [kind = "", ...rest] = expected.split(" ");
    expect(text.startsWith(kind)).toBe(true);
    expect(text).toContain(rest.join(" "));
  });
});

test("drill names a watched WAN that mwan3 does not follow, and what the passive node cannot tell", () => {
  const report = {
    uplinks: [
      { name: "wan", word: "online" },
      { name: "wan2", word: "notracking" },
    ],
  };
  const wan = { name: "wan", devices: ["eth1"] };
  expect(uplinkChecks(undefined, { carries: true, there: [] })).toEqual([]);
  const verdicts = uplinkChecks(report, { carries: true, there: [wan] }).map(
    ({ verdict, text }) => `${verdict}: ${text}`,
  );
  expect(verdicts).toEqual([
    "warning: mwan3 does not follow wan2 (wan2: notracking): the site would not move for dead uplinks. See: ubus call mwan3 status",
    "ok: On the backup node, eth1 of wan is switched off; its carrier is tried before the site moves. Whether the line works cannot be tested while the node is passive",
    "fail: The backup node has no interface wan2",
  ]);
  const here = [
    { ...wan, carrier: false },
    { name: "wan2", devices: ["eth2"], carrier: true },
  ];
  expect(uplinkChecks(report, { carries: false, here }).map(({ verdict }) => verdict)).toEqual(["fail", "ok"]);
});
