/**
 * A large flow stream in the dialect of netifyd 5, made of the contract's stream: copies of its flows with their own addresses and digests,
 * interleaved as one agent would send them. Deterministic.
 */
import { contractStream } from "../test/contract-stream.ts";
import type { LargeStream } from "./multiplied-stream.ts";

/** `events`: at least this many flow events. */
export function netifyd5Stream(events: number): LargeStream {
  const { answer, messages } = contractStream("netifyd5-socket");
  const flows = messages.filter((text) => text.includes('"digest":"') && text.includes('"internal":true'));
  const copies = Math.ceil(events / flows.length);
  const encoder = new TextEncoder();
  const reads: Uint8Array[] = [];
  let pending = "";
  for (const text of flows) {
    for (let copy = 0; copy < copies; copy++) {
      const message = changed(text, copy);
      pending += `{"length":${message.length + 1}}\n${message}\n`;
      if (pending.length < 65_536) continue;
      reads.push(encoder.encode(pending));
      pending = "";
    }
  }
  reads.push(encoder.encode(pending));
  return { reads, events: flows.length * copies, start: answer.connect_at };
}

function changed(text: string, copy: number): string {
  const digits = copy.toString(16).padStart(6, "0");
  return text
    .replaceAll(/"([0-9a-f]{34})[0-9a-f]{6}"/g, `"$1${digits}"`)
    .replace(/"local_ip":"192\.168\.60\.(\d+)"/, `"local_ip":"10.${(copy >> 8) & 255}.${copy & 255}.$1"`);
}
