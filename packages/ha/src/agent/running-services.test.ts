/** procd's recorded answers to `service list` (test-data/contracts/openwrt.json), as the agent understands them. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import * as v from "valibot";
import { parseServiceList } from "./running-services.ts";

const path = new URL("../../../../test-data/contracts/openwrt.json", import.meta.url);
const entry = v.object({
  command: v.string(),
  given: v.optional(v.string(), ""),
  stdout_json: v.optional(v.unknown()),
});
const { topics } = v.parse(
  v.object({ topics: v.array(v.object({ id: v.string(), entries: v.array(entry) })) }),
  JSON.parse(readFileSync(path, "utf8")),
);
const lists = topics
  .flatMap(({ entries }) => entries)
  .filter(({ command, stdout_json }) => / service list |\/\w+ info$/.test(command) && stdout_json !== undefined);

test.each(lists.map((each) => [`${each.command}, ${each.given}`, each] as const))(
  "%s",
  (_, { command, given, stdout_json }) => {
    const name = /"name":"(\w+)"|init\.d\/(\w+) info/.exec(command)?.slice(1).find(Boolean) ?? "";
    const dead = /killed|ends at once|more than 3 tries/.test(given);
    const absent = /stopped|no such service|without instances/.test(given);
    expect(parseServiceList(JSON.stringify(stdout_json))?.get(name)).toBe(absent ? undefined : !dead);
  },
);
