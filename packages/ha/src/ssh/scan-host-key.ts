/**
 * Reads an SSH server's host key without logging in: no user, no password. Starts the key exchange (RFC 4253, sections 4 to 8;
 * curve25519 by RFC 8731) and disconnects when the server has sent its key. dbclient, which connects afterwards and accepts only
 * this key, verifies that the server has the private key.
 */
import { connect } from "node:net";
import type { Random } from "@nethsec/host/host";
import { hostKey, type HostKey } from "./known-hosts.ts";
import { SshPackets, sshPacket, sshString } from "./ssh-packets.ts";

const kexInit = 20;
const ecdhInit = 30;
const ecdhReply = 31;
const disconnect = 1;

/** In dbclient's order of preference, so that the server sends the same key to dbclient later. */
const hostKeyAlgorithms = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-256",
  "ssh-rsa",
];
const keyExchanges = ["curve25519-sha256", "curve25519-sha256@libssh.org"];
const ciphers = ["chacha20-poly1305@openssh.com", "aes128-ctr", "aes256-ctr", "aes128-gcm@openssh.com"];
const digests = ["hmac-sha2-256", "hmac-sha2-512", "hmac-sha1"];

/** Throws the system's error (with a `code`), or an Error that describes what the server did. */
export function scanHostKey(address: string, port: number, timeoutMs: number, random: Random): Promise<HostKey> {
  const { promise, resolve, reject } = Promise.withResolvers<HostKey>();
  const socket = connect({ host: address, port });
  const timer = setTimeout(() => reject(new Error("no answer in time")), timeoutMs);
  const packets = new SshPackets();
  const take = (chunk: Buffer): void => {
    for (const payload of packets.take(chunk)) {
      const type = payload[0];
      if (type === kexInit) socket.write(sshPacket(exchangeBegin(random), random));
      else if (type === ecdhReply) resolve(shownKey(payload));
      else if (type === disconnect) throw new Error("the server ended the key exchange");
    }
  };
  socket.on("data", (chunk: Buffer) => {
    try {
      take(chunk);
    } catch (error) {
      reject(error instanceof Error ? error : new Error(String(error)));
    }
  });
  socket.once("error", reject);
  socket.once("close", () => reject(new Error("the connection was closed")));
  socket.write("SSH-2.0-nethsec\r\n");
  socket.write(sshPacket(proposal(random), random));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

/** SSH_MSG_KEXINIT: the algorithms this side supports (RFC 4253, section 7.1). */
function proposal(random: Random): Uint8Array {
  const lists = [keyExchanges, hostKeyAlgorithms, ciphers, ciphers, digests, digests, ["none"], ["none"], [], []];
  const names = lists.map((list) => sshString(Buffer.from(list.join(","))));
  // first_kex_packet_follows is 0, and the last four bytes are reserved.
  return Buffer.concat([Uint8Array.of(kexInit), random.bytes(16), ...names, new Uint8Array(5)]);
}

/** SSH_MSG_KEX_ECDH_INIT with a random curve25519 public key: any 32 bytes are valid, and the private half is never needed. */
function exchangeBegin(random: Random): Uint8Array {
  return Buffer.concat([Uint8Array.of(ecdhInit), sshString(random.bytes(32))]);
}

/** The host key: the first field of SSH_MSG_KEX_ECDH_REPLY. */
function shownKey(payload: Uint8Array): HostKey {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const length = payload.byteLength < 5 ? 0 : view.getUint32(1);
  const key = length > payload.byteLength - 5 ? undefined : hostKey(payload.subarray(5, 5 + length));
  if (key === undefined) throw new Error("the server showed no host key");
  return key;
}
