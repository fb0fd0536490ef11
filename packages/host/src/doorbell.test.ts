import { expect, test } from "bun:test";
import { Doorbell } from "./doorbell.ts";
import { fakeClock } from "./testing/fake-clock.ts";

test.each([
  ["the time passes", (clock: ReturnType<typeof fakeClock>) => clock.advance(1000)],
  ["it is rung", (_clock: unknown, bell: Doorbell) => bell.ring()],
  ["the signal aborts", (_clock: unknown, _bell: unknown, life: AbortController) => life.abort()],
])("a wait ends when %s", async (_why, end) => {
  const [clock, bell, life] = [fakeClock(), new Doorbell(), new AbortController()];
  let over = false;
  const waiting = bell.wait(clock, 1000, life.signal).then(() => (over = true));
  await clock.advance(999);
  expect(over).toBe(false);
  await end(clock, bell, life);
  await waiting;
  expect(clock.sleepers).toBe(0);
});

test("a ring before the wait is not lost, and counts once", async () => {
  const [clock, bell, signal] = [fakeClock(), new Doorbell(), new AbortController().signal];
  bell.ring();
  await bell.wait(clock, 60_000, signal);
  let over = false;
  void bell.wait(clock, 60_000, signal).then(() => (over = true));
  await clock.advance(59_999);
  expect(over).toBe(false);
  await clock.advance(1);
  expect(over).toBe(true);
});
