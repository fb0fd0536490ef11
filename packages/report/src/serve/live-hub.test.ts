import { expect, test } from "bun:test";
import { fakeClock } from "@nethsec/host/testing/fake-clock";
import { html } from "../web/html.ts";
import { LiveHub } from "./live-hub.ts";

function hub() {
  const clock = fakeClock();
  const ended = new AbortController();
  const state = { mark: "1", text: "first\nline", drawn: 0, failed: [] as unknown[], broken: false };
  const made = new LiveHub({
    clock,
    mark: () => state.mark,
    draw: async () => {
      state.drawn += 1;
      if (state.broken) throw new Error("disk");
      return html`<p>${state.text}</p>`;
    },
    failed: (error) => state.failed.push(error),
    signal: ended.signal,
  });
  return { hub: made, clock, ended, state };
}

async function open(made: LiveHub): Promise<{ next: () => Promise<string | undefined>; cancel: () => Promise<void> }> {
  const reader = ((await made.subscribe()) ?? new ReadableStream<Uint8Array>()).getReader();
  return {
    next: async () => {
      const { value } = await reader.read();
      return value === undefined ? undefined : new TextDecoder().decode(value);
    },
    cancel: () => reader.cancel(),
  };
}

test("the present state at once, the next one when there is something new, a sign of life in between", async () => {
  const { hub: made, clock, ended, state } = hub();
  const reader = await open(made);
  expect(await reader.next()).toBe("retry: 5000\nevent: hour\ndata: <p>first\ufffdline</p>\n\n");
  state.text = "</p><b>second";
  state.mark = "2";
  await clock.advance(2000);
  expect(await reader.next()).toBe("event: hour\ndata: <p>&lt;/p&gt;&lt;b&gt;second</p>\n\n");
  await clock.advance(6000);
  expect(await reader.next()).toBe(": still here\n\n");
  expect(state.drawn).toBe(2);
  ended.abort();
  await clock.advance(2000);
  expect(await reader.next()).toBeUndefined();
});

test("nothing is read while nobody looks", async () => {
  const { hub: made, clock, state } = hub();
  const reader = await open(made);
  await reader.cancel();
  await clock.advance(4000);
  expect([made.readers, clock.sleepers]).toEqual([0, 0]);
  state.mark = "2";
  await clock.advance(60_000);
  expect(state.drawn).toBe(1);
  const again = await open(made);
  await again.next();
  state.mark = "3";
  await clock.advance(2000);
  expect(await again.next()).toStartWith("event: hour");
  await again.cancel();
});

test("who does not read is let go; too many are turned away", async () => {
  const { hub: made, clock, ended, state } = hub();
  for (let index = 0; index < 32; index++) expect(await made.subscribe()).toBeDefined();
  expect(await made.subscribe()).toBeUndefined();
  for (let index = 0; index < 20; index++) {
    state.mark = `m${index}`;
    await clock.advance(2000);
  }
  expect(made.readers).toBe(0);
  ended.abort();
});

test("a failing disk is reported, and the view goes on when it works again", async () => {
  const { hub: made, clock, ended, state } = hub();
  const reader = await open(made);
  await reader.next();
  state.broken = true;
  state.mark = "2";
  await clock.advance(2000);
  expect(state.failed.length).toBe(1);
  state.broken = false;
  state.mark = "3";
  await clock.advance(2000);
  expect(await reader.next()).toStartWith("event: hour");
  ended.abort();
  await clock.advance(2000);
});
