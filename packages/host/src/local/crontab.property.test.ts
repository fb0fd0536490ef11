import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { removeLine, resumeLines, setLine, suspendLines } from "./crontab.ts";

const words = ["send-backup", "adblock", "acme"];
const line = fc.oneof(
  fc.string({ maxLength: 20 }).map((text) => text.replaceAll(/[\n\r]/g, " ")),
  fc.constantFrom(
    "",
    "# a comment about adblock",
    "PATH=/usr/bin:/opt/adblock",
    "0 2 * * * /usr/sbin/send-backup",
    "#0 2 * * * /usr/sbin/send-backup",
    "@daily adblock reload",
    "*/5 * * * * /etc/init.d/adblock-x reload",
    "1 2 3 4 5 x # nethsec:mine",
    "  7 7 * * *\tsend-backup; acme",
  ),
);
const crontab = fc
  .tuple(fc.array(line), fc.boolean())
  .map(([lines, newline]) => lines.join("\n") + (newline ? "\n" : ""));
const command = fc.constantFrom("0 1 * * * send-backup", "@reboot x", "* * * * * a$1b");
const id = fc.constantFrom("mine", "a.b_c-1");

test("resume undoes suspend exactly, for any crontab", () => {
  fc.assert(
    fc.property(crontab, fc.subarray(words), (text, some) => {
      // Lines that begin with our own mark count as ours: exclude them from the users' lines.
      fc.pre(!text.includes("#nethsec# "));
      expect(resumeLines(suspendLines(text, some), some)).toBe(text);
      expect(suspendLines(suspendLines(text, some), some)).toBe(suspendLines(text, some));
    }),
  );
});

test("set is idempotent, remove takes back what set added, other lines stay byte for byte", () => {
  fc.assert(
    fc.property(crontab, id, command, (text, name, what) => {
      fc.pre(!text.includes("#nethsec# "));
      const once = setLine(text, name, what);
      expect(setLine(once, name, what)).toBe(once);
      expect(once.split("\n").filter((each) => each === `${what} # nethsec:${name}`)).toHaveLength(1);
      const others = (crontabText: string): string[] =>
        crontabText.split("\n").filter((each) => each !== "" && !each.endsWith(` # nethsec:${name}`));
      expect(others(removeLine(once, name))).toEqual(others(text));
      if (!text.includes(`# nethsec:${name}`) && (text === "" || text.endsWith("\n")))
        expect(removeLine(once, name)).toBe(text);
    }),
  );
});

describe("suspend", () => {
  test.each([
    ["0 2 * * * /usr/sbin/send-backup", true],
    ["0 2 * * * sleep 5; send-backup now", true],
    ["@daily send-backup", true],
    ["0 2 * * * send-backup-now", false],
    ["0 2 * * * my-send-backup", false],
    ["#0 2 * * * send-backup", false],
    ["# send-backup", false],
    ["SEND=send-backup", false],
    ["0 2 * * * x # nethsec:send-backup", false],
    ["0 2 * * * send-backup # nethsec:nightly", true],
  ])("%s: %p", (text, expected) => {
    expect(suspendLines(text, ["send-backup"])).toBe(expected ? `#nethsec# ${text}` : text);
  });

  test("a line set while it is suspended stays suspended", () => {
    const text = suspendLines(setLine("", "b", "0 2 * * * send-backup"), ["send-backup"]);
    expect(setLine(text, "b", "0 3 * * * send-backup")).toBe("#nethsec# 0 3 * * * send-backup # nethsec:b\n");
  });
});

test("a user's comment that looks like our line is left alone", () => {
  const text = "#0 2 * * * x # nethsec:b\n";
  expect(removeLine(text, "b")).toBe(text);
  expect(setLine(text, "b", "0 2 * * * y")).toBe(`${text}0 2 * * * y # nethsec:b\n`);
});

test.each(["two\nlines", "", "  ", "# comment", "a\rb", "a\0b"])("%j is not taken as a line", (text) => {
  expect(() => setLine("", "x", text)).toThrow("not one crontab line");
});

test.each(["", "a b", "a\nb", "ä"])("%j is not taken as an id", (name) => {
  expect(() => setLine("", name, "* * * * * x")).toThrow("not a crontab id");
});
