/** Opens the C library, under the names it has with glibc, musl and on OpenWrt. */
import { dlopen, type FFIFunction } from "bun:ffi";

/** In musl the dynamic loader and the library are the same file. */
const names = ["libc.so.6", "libc.so", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`];

/** Throws when no C library is found, without which this runtime could not run at all. */
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
