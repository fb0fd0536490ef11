import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import * as fc from "fast-check";
import { AccessControl } from "./access-control.ts";
import { hashPassword, hashToken, isPasswordHash, passwordMatches, tokenMatches } from "./password-hash.ts";
import { networkOf, RateLimit } from "./rate-limit.ts";
import { lifetimeMs, Sessions } from "./sessions.ts";

describe("hashes", () => {
  test("a password matches its own hash only; two hashes of it differ", async () => {
    const [one, two] = [await hashPassword("påsswörd", randomBytes), await hashPassword("påsswörd", randomBytes)];
    expect(one).not.toBe(two);
    expect(one).toMatch(/^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(await passwordMatches("påsswörd".normalize("NFD"), one)).toBe(true);
    expect(await passwordMatches("påsswörD", one)).toBe(false);
    expect(await passwordMatches("", one)).toBe(false);
    expect(await passwordMatches("x".repeat(1025), one)).toBe(false);
  });

  test("what is no hash, or would cost too much to check, matches nothing", async () => {
    const good = await hashPassword("a", randomBytes);
    for (const bad of [
      "",
      "a",
      "$1$salt$hash",
      good.replace("ln=15", "ln=31"),
      good.replace("r=8", "r=99"),
      good.replace("p=1", "p=0"),
      `${good}x`,
    ]) {
      expect([bad, isPasswordHash(bad), await passwordMatches("a", bad)]).toEqual([bad, false, false]);
    }
  });

  test("tokens", () => {
    expect(tokenMatches("secret", hashToken("secret"))).toBe(true);
    expect(tokenMatches("secres", hashToken("secret"))).toBe(false);
    expect(tokenMatches("secret", "sha256:")).toBe(false);
  });
});

describe("rate limit", () => {
  test("five tries, then one each 30 s; others are not affected; a right one forgets", () => {
    let now = 0;
    const limit = new RateLimit(() => now);
    const tries = (address: string, count: number): number =>
      Array.from({ length: count }, () => limit.attempt(address)).filter((wait) => wait === 0).length;
    expect(tries("192.0.2.1", 20)).toBe(5);
    expect(limit.attempt("192.0.2.1")).toBe(30_000);
    expect(tries("192.0.2.2", 1)).toBe(1);
    now += 61_000;
    expect(tries("192.0.2.1", 20)).toBe(2);
    limit.succeeded("192.0.2.1");
    expect(tries("192.0.2.1", 20)).toBe(5);
  });

  test("an IPv6 network of a household is one address", () => {
    const limit = new RateLimit(() => 0);
    const allowed = Array.from({ length: 50 }, (_, index) =>
      limit.attempt(`2001:db8:1:2::${index.toString(16)}`),
    ).filter((wait) => wait === 0);
    expect(allowed.length).toBe(5);
    expect(networkOf("2001:db8::1")).toBe("2001:db8:0:0");
    expect(networkOf("::ffff:192.0.2.1")).toBe("192.0.2.1");
  });

  test("all addresses together: 50 at once, one a second; memory is bounded", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2000 }), { maxLength: 300 }), (steps) => {
        let now = 0;
        let allowed = 0;
        const limit = new RateLimit(() => now);
        for (const [index, step] of steps.entries()) {
          now += step;
          if (limit.attempt(`10.0.${index >> 8}.${index & 255}`) === 0) allowed += 1;
        }
        expect(allowed).toBeLessThanOrEqual(50 + now / 1000 + 1);
      }),
    );
    const limit = new RateLimit(() => 0);
    for (let index = 0; index < 10_000; index++)
      limit.attempt(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`);
    expect(limit.size).toBeLessThanOrEqual(2000);
  });
});

describe("sessions", () => {
  test("end by time, by sign-out, and when there are too many", () => {
    let now = 0;
    let count = 0;
    const sessions = new Sessions(
      () => now,
      () => `session-${count++}`,
    );
    const first = sessions.begin();
    const second = sessions.begin();
    expect([sessions.holds(first), sessions.holds("session-9"), sessions.holds("")]).toEqual([true, false, false]);
    sessions.end(first);
    expect(sessions.holds(first)).toBe(false);
    now = lifetimeMs;
    expect(sessions.holds(second)).toBe(false);
    const old = sessions.begin();
    for (let index = 0; index < 256; index++) sessions.begin();
    expect(sessions.holds(old)).toBe(false);
  });
});

test("a busy server refuses without spending the address's tries", async () => {
  let letters = 0;
  const passwordHash = await hashPassword("right", randomBytes);
  const needs = { now: () => 0, randomText: (count: number) => String((letters += 1)).padStart(count, "x") };
  const access = new AccessControl({ passwordHash, tokenHashes: [] }, needs);
  const cookie = { path: "/", secure: true };
  const others = Array.from({ length: 8 }, (_, index) => access.signIn("wrong", `192.0.2.${index + 1}`, cookie));
  for (let tries = 0; tries < 20; tries += 1)
    expect(await access.signIn("right", "198.51.100.1", cookie)).toEqual({ problem: "wait", ms: 1000 });
  await Promise.all(others);
  expect(await access.signIn("right", "198.51.100.1", cookie)).toHaveProperty("cookie");
});
