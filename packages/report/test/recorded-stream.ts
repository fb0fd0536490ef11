/** The recorded streams of test-data (see its README), and the truth measured beside them. For tests and benches. */
import { readFileSync } from "node:fs";

const folder = new URL("../test-data/", import.meta.url).pathname;

export interface RecordedStream {
  readonly bytes: Uint8Array;
  /** Unix ms when the connection was opened. */
  readonly start: number;
  /** The chunks as they were read. */
  readonly reads: readonly { readonly at: number; readonly bytes: Uint8Array }[];
}

export function recordedStream(name: string): RecordedStream {
  const bytes = new Uint8Array(readFileSync(`${folder}${name}.jsonl`));
  const [head = "", ...lines] = readFileSync(`${folder}${name}.idx`, "utf8").trim().split("\n");
  const start = Math.floor(Number(/t0=([\d.]+)/.exec(head)?.[1]) * 1000);
  const reads = lines.map((line) => {
    const [seconds = 0, offset = 0, length = 0] = line.split(",").map(Number);
    return { at: start + Math.round(seconds * 1000), bytes: bytes.subarray(offset, offset + length) };
  });
  return { bytes, start, reads };
}

/** Captured frame bytes on br-lan by five-tuple key "protocol a:port b:port" (ends in text order), and how many of them each end ("a:port") sent. */
export function groundTruth(): Map<string, { bytes: number; readonly sent: Map<string, number> }> {
  const truth = new Map<string, { bytes: number; readonly sent: Map<string, number> }>();
  for (const line of readFileSync(`${folder}live2_groundtruth.csv`, "utf8").trim().split("\n").slice(1)) {
    const [name, protocol, a, portA, b, portB, up, , , down] = line.split(",");
    if (name !== "br-lan") continue;
    const [endA, endB] = [`${a}:${portA}`, `${b}:${portB}`];
    const key = [protocol, ...[endA, endB].sort()].join(" ");
    const flow = truth.get(key) ?? { bytes: 0, sent: new Map<string, number>() };
    flow.bytes += Number(up) + Number(down);
    flow.sent.set(endA, (flow.sent.get(endA) ?? 0) + Number(up));
    flow.sent.set(endB, (flow.sent.get(endB) ?? 0) + Number(down));
    truth.set(key, flow);
  }
  return truth;
}

/** Flow messages of a stream, parsed with `JSON.parse`. */
export function messages(stream: RecordedStream): Record<string, unknown>[] {
  return new TextDecoder()
    .decode(stream.bytes)
    .split("\n")
    .filter((line) => line.startsWith("{") && !line.startsWith('{"length"'))
    .map((line) => JSON.parse(line));
}
