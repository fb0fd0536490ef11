/**
 * A UNIX datagram socket to the system's log (/dev/log), through the C library: the runtime has none, and a `logger` process per line costs a
 * thousand times more. Sending never blocks.
 */
import { FFIType } from "bun:ffi";
import { openLibc } from "../ffi/libc.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

const { i32, i64, u64, ptr } = FFIType;
const functions = {
  socket: { args: [i32, i32, i32], returns: i32 },
  connect: { args: [i32, ptr, i32], returns: i32 },
  send: { args: [i32, ptr, u64, i32], returns: i64 },
  close: { args: [i32], returns: i32 },
} as const;

export interface DatagramSocket {
  /** "busy": the receiver's queue is full or the log was just restarted, so retry soon; "absent": no process receives there. */
  send(message: Uint8Array): "sent" | "busy" | "absent";
  close(): void;
}

/** Sends to the socket at `path` (at most 107 bytes); connects at the first message and reconnects after a restart of the log. */
export function datagramSocket(path: string): DatagramSocket {
  const libc = openLibc(functions);
  const address = socketAddress(path);
  let fd = -1;
  const close = (): void => {
    if (fd >= 0) libc.close(fd);
    fd = -1;
  };
  const connect = (): boolean => {
    if (fd >= 0) return true;
    fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && libc.connect(fd, address, address.length) === 0) return true;
    close();
    return false;
  };
  return {
    send: (message) => {
      if (!connect()) return "absent";
      if (Number(libc.send(fd, message, message.length, MSG_DONTWAIT | MSG_NOSIGNAL)) >= 0) return "sent";
      close();
      return "busy";
    },
    close,
  };
}

/** unix(7): family in the machine's byte order (little-endian on every target), then the path and a NUL. */
function socketAddress(path: string): Uint8Array {
  const name = Buffer.from(path);
  if (name.length > 107) throw new Error(`too long for a socket's address: ${path}`);
  const address = new Uint8Array(2 + name.length + 1);
  address[0] = AF_UNIX;
  address.set(name, 2);
  return address;
}
