/**
 * A large flow stream made of the recording `live2_full`: copies with their own clients and digests, interleaved like the clients of one agent.
 * Deterministic.
 */
import { recordedStream } from "../test/recorded-stream.ts";

export interface LargeStream {
  /** The stream in reads of 64 KiB. */
  readonly reads: readonly Uint8Array[];
  readonly events: number;
  /** Unix ms at which the recording began. */
  readonly start: number;
}

interface Line {
  readonly text: string;
  readonly isFlow: boolean;
}

/**
 * `events`: at least this many flow events. Each copy of the recording moves its four clients into another network, up to `clients` in all; further
 * copies reuse the networks but get their own digests.
 */
export function multipliedStream(
  events: number,
  clients: number,
  options: { withoutPurges?: boolean } = {},
): LargeStream {
  const recording = recordedStream("live2_full");
  const lines: Line[] = new TextDecoder()
    .decode(recording.bytes)
    .split("\n")
    .filter((line) => line.startsWith("{") && !line.startsWith('{"length"'))
    .filter((text) => options.withoutPurges !== true || !text.includes('"type":"flow_purge"'))
    .map((text) => ({ text, isFlow: text.includes('"digest":"') }));
  const flowLines = lines.filter((line) => line.isFlow).length;
  const copies = Math.ceil(events / flowLines);
  const networks = Math.max(1, Math.ceil(clients / 4));
  const encoder = new TextEncoder();
  const reads: Uint8Array[] = [];
  let pending = "";
  let count = 0;
  for (const line of lines) {
    for (let copy = 0; copy < (line.isFlow ? copies : 1); copy++) {
      const text = line.isFlow && copy > 0 ? changed(line.text, copy, copy % networks) : line.text;
      pending += `{"length": ${text.length + 1}}\n${text}\n`;
      if (line.isFlow) count++;
      if (pending.length < 65_536) continue;
      reads.push(encoder.encode(pending));
      pending = "";
    }
  }
  reads.push(encoder.encode(pending));
  return { reads, events: count, start: recording.start };
}

function changed(text: string, copy: number, network: number): string {
  const digits = copy.toString(16).padStart(6, "0");
  return text
    .replace(/"digest":"([0-9a-f]{34})[0-9a-f]{6}/, `"digest":"$1${digits}`)
    .replace(/"local_ip":"192\.168\.50\.(\d+)"/, `"local_ip":"10.${network >> 8}.${network & 255}.$1"`)
    .replace(/"local_ip":"fd50::(\w+)"/, `"local_ip":"fd50:${network.toString(16)}::$1"`);
}
