/** The packets of an SSH connection before encryption begins (RFC 4253, sections 4.2 and 6). */
import type { Random } from "@nethsec/host/host";

/** RFC 4253, section 6.1, requires support for 35,000; host keys and proposals are far smaller. */
const maxPacket = 35_000;
/** A server may send lines of text before its version (section 4.2). */
const maxGreeting = 8192;

/** `string` of RFC 4251, section 5: the bytes with their length in front. */
export function sshString(bytes: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.byteLength);
  return Buffer.concat([length, bytes]);
}

/** Wraps a payload in a packet, padded with at least four bytes to a multiple of eight. */
export function sshPacket(payload: Uint8Array, random: Random): Uint8Array {
  const missing = 8 - ((payload.byteLength + 5) % 8);
  const fill = missing < 4 ? missing + 8 : missing;
  return sshString(Buffer.concat([Uint8Array.of(fill), payload, random.bytes(fill)]));
}

/** Splits the server's byte stream into packets and returns the payloads of complete ones. */
export class SshPackets {
  #rest: Buffer = Buffer.alloc(0);
  #greeted = false;

  /** Throws when the other side is no SSH server, or a packet is malformed. */
  take(chunk: Uint8Array): Uint8Array[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const found: Uint8Array[] = [];
    while (this.#greeted || this.#skipGreeting()) {
      const payload = this.#next();
      if (payload === undefined) break;
      found.push(payload);
    }
    return found;
  }

  /** False until the server's version line has arrived. */
  #skipGreeting(): boolean {
    for (let end = this.#rest.indexOf("\n"); end !== -1; end = this.#rest.indexOf("\n")) {
      const line = this.#rest.subarray(0, end).toString("latin1");
      this.#rest = this.#rest.subarray(end + 1);
      if (!line.startsWith("SSH-")) continue;
      this.#greeted = true;
      return true;
    }
    if (this.#rest.byteLength > maxGreeting) throw new Error("what answers there is no SSH server");
    return false;
  }

  /** undefined while the packet is not complete. */
  #next(): Uint8Array | undefined {
    if (this.#rest.byteLength < 5) return undefined;
    const length = this.#rest.readUInt32BE(0);
    const padding = this.#rest.readUInt8(4);
    if (length > maxPacket || length < padding + 2) throw new Error("what answers there does not speak SSH");
    if (this.#rest.byteLength < 4 + length) return undefined;
    const payload = this.#rest.subarray(5, 4 + length - padding);
    this.#rest = this.#rest.subarray(4 + length);
    return payload;
  }
}
