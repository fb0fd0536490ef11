/**
 * crypt(3) of the system's own C library: rpcd and the login programs check passwords with it.
 * musl has crypt in libc itself; glibc keeps it in libcrypt. The password never leaves the process.
 */
import { CString, dlopen, FFIType, ptr } from "bun:ffi";
import { NethsecError } from "../error.ts";
import type { Random } from "../host.ts";

const signature = { crypt: { args: [FFIType.cstring, FFIType.cstring], returns: FFIType.ptr } } as const;

function open(): (password: Uint8Array, setting: Uint8Array) => string | undefined {
  for (const library of ["libcrypt.so.1", "libc.so", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"]) {
    try {
      const { symbols } = dlopen(library, signature);
      return (password, setting) => {
        const answer = symbols.crypt(ptr(password), ptr(setting));
        return answer === null ? undefined : new CString(answer).valueOf();
      };
    } catch {
      // Not found: try the next name.
    }
  }
  throw new NethsecError({
    code: "crypt_missing",
    message: "No C library with crypt(3) was found on this system.",
    advice: "Install libcrypt1 (Debian); OpenWrt's musl has it built in.",
  });
}

let crypt: ReturnType<typeof open> | undefined;

const nulTerminated = (text: string): Uint8Array => new TextEncoder().encode(`${text}\0`);

/** The hash of a password for `setting`, e.g. "$6$salt$"; undefined when the library does not know that method. */
export function cryptHash(password: string, setting: string): string | undefined {
  crypt ??= open();
  const hash = crypt(nulTerminated(password), nulTerminated(setting));
  // Libraries report a failure as "*0" or "*1" (crypt(3)).
  return hash === undefined || hash.startsWith("*") ? undefined : hash;
}

/** A new SHA-512 hash (`$6$`) with a random salt. */
export function newPasswordHash(password: string, random: Pick<Random, "text">): string {
  const hash = cryptHash(password, `$6$${random.text(16)}$`);
  if (hash === undefined) {
    throw new NethsecError({ code: "crypt_failed", message: "The C library's crypt(3) knows no SHA-512 method." });
  }
  return hash;
}
