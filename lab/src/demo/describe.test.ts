import { expect, test } from "bun:test";
import { describeFigures, describeLanes } from "./describe.ts";
import type { Failover } from "./failover.ts";
import { renderPicture } from "./picture.ts";

/** The primary is off from slot 2 on; the backup takes over in slot 4; the client misses two slots. */
const failover: Failover = {
  slotMs: 100,
  before: 2,
  primary: ["master", "master", "off", "off", "off", "off"],
  backup: ["backup", "backup", "backup", "other", "master", "master"],
  client: [1, 1, 0, 0, 0.5, undefined],
  outageMs: { ping: 231.4, tcp: 450, dns: 0, http: 512.6 },
  streamSurvived: true,
  inPlaceMs: 1820,
  takeBackMs: 0,
};

test("the lanes: a character each tenth of a second, cut to the terminal's width", () => {
  expect(describeLanes(failover, 80).slice(0, 4)).toEqual([
    "  primary   ██    ",
    "  backup    ░░░·██",
    "  client    ▔▔✕✕▂ ",
    "            ──┴───",
  ]);
  for (const line of describeLanes(failover, 16).slice(0, 4)) expect(line.length).toBeLessThanOrEqual(16);
});

test("the figures, in whole milliseconds; a broken stream is called so", () => {
  expect(describeFigures(failover).map(([, figure]) => figure)).toEqual([
    "231 ms",
    "survived, 450 ms without a byte",
    "0 ms",
    "1820 ms",
    "none",
  ]);
  expect(describeFigures({ ...failover, streamSurvived: false })[1]?.[1]).toStartWith("broken");
});

test("the picture is one SVG with a bar for each run of a state, and says in words what it shows", () => {
  const picture = renderPicture(failover);
  expect(picture).toStartWith("<svg ");
  expect([...picture.matchAll(/<rect class="\w+"/g)].map(([text]) => text)).toEqual(
    ["master", "backup", "other", "master", "ok", "lost", "ok", "master", "backup", "ok", "lost"].map(
      (kind) => `<rect class="${kind}"`,
    ),
  );
  expect(picture).toContain('aria-label="Virtual address silent for 231 ms;');
});
