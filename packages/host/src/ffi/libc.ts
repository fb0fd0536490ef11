/** The C library, under the names that glibc, musl and OpenWrt give it. */
import { dlopen, type FFIFunction } from "bun:ffi";

/** musl's loader is the library too. */
const names = ["libc.so.6", "libc.so", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`];

/** Throws when there is none: then nothing of this runtime could run either. */
export function openLibc<const Functions extends Record<string, FFIFunction>>(functions: Functions) {
  let trouble: unknown;
  for (const name of names) {
    try {
      return dlopen(name, functions).symbols;
    } catch (error) {
      trouble = error;
    }
  }
  throw new Error(`no C library found: ${names.join(", ")}`, { cause: trouble });
}
