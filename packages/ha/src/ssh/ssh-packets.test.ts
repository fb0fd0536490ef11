import { describe, expect, test } from "bun:test";
import { localRandom as random } from "@nethsec/host/random";
import fc from "fast-check";
import { SshPackets, sshPacket } from "./ssh-packets.ts";

const greeting = Buffer.from("hello\r\nSSH-2.0-test\r\n");

describe("packets before encryption", () => {
  test("a payload of any size comes back, however it is cut into pieces; the padding is as RFC 4253 wants it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 64 }),
        (payloads, size) => {
          const packets = payloads.filter((each) => each.byteLength > 0).map((payload) => sshPacket(payload, random));
          for (const packet of packets) {
            expect(packet.byteLength % 8).toBe(0);
            expect(packet[4]).toBeGreaterThanOrEqual(4);
            expect(packet[4]).toBeLessThan(12);
          }
          const bytes = Buffer.concat([greeting, ...packets]);
          const reader = new SshPackets();
          const found: Uint8Array[] = [];
          for (let at = 0; at < bytes.length; at += size) found.push(...reader.take(bytes.subarray(at, at + size)));
          expect(found.map((each) => Buffer.from(each).toString("hex"))).toEqual(
            payloads.filter((each) => each.byteLength > 0).map((each) => Buffer.from(each).toString("hex")),
          );
        },
      ),
    );
  });

  test("any bytes give packets or an error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          new SshPackets().take(Buffer.concat([greeting, bytes]));
        } catch (error) {
          expect(String(error)).toContain("what answers there");
        }
      }),
    );
  });

  test("a length that cannot be is refused at once, not waited for", () => {
    expect(() => new SshPackets().take(Buffer.concat([greeting, Buffer.from([255, 255, 255, 255, 4])]))).toThrow(
      "does not speak SSH",
    );
  });
});
