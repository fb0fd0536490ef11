/** C library calls for which the runtime has no cheap equivalent. Resolved at the first call. */
import { openLibc } from "./libc.ts";
import { once } from "../once.ts";

const locks = once(() => openLibc({ flock: { args: ["i32", "i32"], returns: "i32" } }));
const terminals = once(() => openLibc({ isatty: { args: ["i32"], returns: "i32" } }));

/** flock(2); returns 0 on success. */
export function flock(fd: number, operation: number): number {
  return locks().flock(fd, operation);
}

/** isatty(3). The runtime's own, in node:tty, costs every command 3 ms: it loads sockets and streams. */
export function isTerminal(fd: number): boolean {
  return terminals().isatty(fd) === 1;
}
