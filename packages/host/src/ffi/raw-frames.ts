/**
 * Sends Ethernet frames through a packet socket (packet(7)): neither the runtime nor BusyBox can announce an address in both families. The socket
 * cannot receive.
 */
import { readFileSync } from "node:fs";
import { FFIType, ptr } from "bun:ffi";
import { NethsecError } from "../error.ts";
import { openLibc } from "./libc.ts";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
/** struct sockaddr_ll of linux/if_packet.h. */
const addressBytes = 20;

const symbols = {
  socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  sendto: {
    args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32, FFIType.ptr, FFIType.u32],
    returns: FFIType.i64,
  },
  close: { args: [FFIType.i32], returns: FFIType.i32 },
} as const;

const open = () => openLibc(symbols);
let libc: ReturnType<typeof open> | undefined;

/** Sends each frame (with its Ethernet header) on `device`. Throws {@link NethsecError} `frames_not_sent` when the device is missing or the socket is refused. */
export function sendFrames(device: string, frames: readonly Uint8Array[]): void {
  if (frames.length === 0) return;
  libc ??= open();
  const address = new DataView(new ArrayBuffer(addressBytes));
  address.setUint16(0, AF_PACKET, true);
  address.setInt32(4, indexOf(device), true);
  const fd = libc.socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd < 0) throw failed(device);
  try {
    for (const frame of frames) {
      const sent = libc.sendto(fd, ptr(frame), frame.byteLength, 0, ptr(address), addressBytes);
      if (Number(sent) !== frame.byteLength) throw failed(device);
    }
  } finally {
    libc.close(fd);
  }
}

function indexOf(device: string): number {
  if (!/^[^/\s]{1,15}$/.test(device)) throw failed(device);
  try {
    return Number(readFileSync(`/sys/class/net/${device}/ifindex`, "utf8"));
  } catch (cause) {
    throw failed(device, cause);
  }
}

function failed(device: string, cause?: unknown): NethsecError {
  return new NethsecError({ code: "frames_not_sent", message: `Frames cannot be sent on ${device}.`, cause });
}
