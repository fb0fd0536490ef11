/** A time server (RFC 5905, mode 4) that answers with this machine's clock, stratum 2; enough for clients that set their clock once. */
import { createSocket } from "node:dgram";
import { networkInterfaces } from "node:os";

/** Seconds from 1900 to 1970. */
const epochOffset = 2_208_988_800;

/** Writes `ms` (since 1970) as an NTP timestamp: 32 bits of seconds since 1900, 32 bits of binary fraction. */
function stamp(into: Buffer, offset: number, ms: number): void {
  into.writeUInt32BE((Math.floor(ms / 1000) + epochOffset) % 2 ** 32, offset);
  into.writeUInt32BE(Math.floor(((ms % 1000) / 1000) * 2 ** 32), offset + 4);
}

/** One socket per address: an answer must come from the address that the request was sent to. */
function serve(address: string): void {
  const socket = createSocket("udp4");
  socket.on("message", (request, from) => {
    const received = performance.timeOrigin + performance.now();
    const isClient = request.length >= 48 && ((request[0] ?? 0) & 7) === 3;
    if (!isClient) return;
    const answer = Buffer.alloc(48);
    answer[0] = ((request[0] ?? 0) & 0x38) | 4;
    answer[1] = 2;
    answer[2] = 6;
    answer[3] = 0xec;
    answer.write("LAB\0", 12, "latin1");
    stamp(answer, 16, received);
    request.copy(answer, 24, 40, 48);
    stamp(answer, 32, received);
    stamp(answer, 40, performance.timeOrigin + performance.now());
    socket.send(answer, from.port, from.address);
  });
  socket.bind(123, address);
}

const addresses = Object.values(networkInterfaces()).flatMap((device) => device ?? []);
for (const { address, family } of addresses) if (family === "IPv4") serve(address);
