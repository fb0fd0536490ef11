/** netifyd 5 as NethSecurity ships it: the streams of the contract (written from documentation and sources) and the expected counters. */
import { describe, expect, test } from "bun:test";
import { clientTableOf, contractStream } from "../../test/contract-stream.ts";
import { Accounting } from "./accounting.ts";
import { InterfaceNumbers } from "./interface-numbers.ts";
import { Ledger } from "./ledger.ts";
import { StreamReader } from "./stream-reader.ts";

/** Feeds messages to the reader, each at the time of its own time stamp; `framed` converts a message to its wire form. */
function read(messages: readonly string[], connectAt: number, framed: (message: string) => string) {
  const ledger = new Ledger();
  const accounting = new Accounting(ledger, connectAt);
  const reader = new StreamReader(accounting, new InterfaceNumbers().of);
  let now = connectAt;
  for (const message of messages) {
    for (const [, at] of message.matchAll(/"(?:first|last)_seen_at":(\d{13})/g)) now = Math.max(now, Number(at));
    accounting.setTime(now, now - connectAt);
    reader.push(new TextEncoder().encode(framed(message)));
  }
  accounting.sweep(3600);
  let waiting = 0;
  for (const bytes of accounting.waitingByHour().values()) waiting += bytes;
  return {
    clients: clientTableOf([...ledger.hours.values()].map(({ counters }) => counters)),
    unattributed: ledger.unknownFlow + waiting,
    notAClient: ledger.notAClient,
    malformed: reader.malformed,
  };
}

const framings = [
  ["lines", (message: string) => `${message}\n`],
  ["length lines", (message: string) => `{"length":${message.length + 1}}\n${message}\n`],
  ["nothing between messages", (message: string) => message],
  ["blanks between messages", (message: string) => `${message} `],
] as const;

describe.each(framings)("with %s", (_, framed) => {
  test("the 62 events of 8.7.2's socket", () => {
    const { answer, messages } = contractStream("netifyd5-socket");
    const found = read(messages, answer.connect_at, framed);
    expect(found.clients).toEqual(answer.clients);
    expect(found.unattributed).toBe(answer.unattributed);
    expect(found.notAClient).toBe(Object.values(answer.not_clients).reduce((sum, bytes) => sum + bytes, 0));
    expect(found.malformed).toBe(0);
  });

  test("three orders of digest_prev, and digests of 16 digits", () => {
    const { answer, messages } = contractStream("netifyd5-digests");
    const found = read(messages, answer.connect_at, framed);
    expect(found.clients).toEqual(answer.clients);
    expect(found.unattributed).toBe(answer.unattributed);
  });
});
