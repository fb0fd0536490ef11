/**
 * Password and token hashes as stored in `/etc/config/ns-report`. Pure apart from the hashing itself.
 *
 * Passwords are chosen by people, so they need a slow hash: scrypt (RFC 7914) with a salt, written `$scrypt$ln=15,r=8,p=1$SALT$HASH` (base64 without
 * padding). A token is 256 random bits: one SHA-256 is enough, written `sha256:HEX`. Both are compared in constant time.
 */
import { createHash, scrypt, timingSafeEqual } from "node:crypto";

/** 2^15 blocks of 1 KiB: 32 MiB of memory and about 0.1 s per try. */
const cost = { logN: 15, r: 8, p: 1 };
const hashBytes = 32;
const saltBytes = 16;

/** Highest cost accepted from the configuration: 64 MiB and 4 passes. */
const limits = { logN: 16, r: 8, p: 4 };

/** Longer input is refused before any hashing. */
export const maxPasswordLength = 1024;

/** Hash of a new password; `random` returns that many bytes from the system's CSPRNG. */
export async function hashPassword(password: string, random: (count: number) => Uint8Array): Promise<string> {
  const salt = random(saltBytes);
  const hash = await derive(password, salt, cost);
  return `$scrypt$ln=${cost.logN},r=${cost.r},p=${cost.p}$${base64(salt)}$${base64(hash)}`;
}

/** True when `stored` is the hash of `password`; false for anything that is not such a hash. */
export async function passwordMatches(password: string, stored: string): Promise<boolean> {
  const parsed = parse(stored);
  if (parsed === undefined || password.length > maxPasswordLength) return false;
  const hash = await derive(password, parsed.salt, parsed);
  return timingSafeEqual(hash, parsed.hash);
}

/** Whether `stored` is a hash that {@link passwordMatches} can check. */
export function isPasswordHash(stored: string): boolean {
  return parse(stored) !== undefined;
}

/** `sha256:HEX` of a token. */
export function hashToken(token: string): string {
  return `sha256:${createHash("sha256").update(token).digest("hex")}`;
}

/** Whether `stored` has the form that {@link hashToken} writes. */
export function isTokenHash(stored: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(stored);
}

/** Constant time: compares the hashes, whose lengths are equal. */
export function tokenMatches(token: string, stored: string): boolean {
  if (!isTokenHash(stored) || token.length > maxPasswordLength) return false;
  return timingSafeEqual(Buffer.from(hashToken(token)), Buffer.from(stored));
}

interface Parameters {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

function parse(stored: string): (Parameters & { readonly salt: Uint8Array; readonly hash: Uint8Array }) | undefined {
  const match = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{1,64})\$([A-Za-z0-9+/]{43})$/.exec(
    stored,
  );
  if (match === null) return undefined;
  const [logN, r, p] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const inRange = (value: number, max: number): boolean => value >= 1 && value <= max;
  if (!inRange(logN, limits.logN) || !inRange(r, limits.r) || !inRange(p, limits.p)) return undefined;
  return { logN, r, p, salt: Buffer.from(match[4] ?? "", "base64"), hash: Buffer.from(match[5] ?? "", "base64") };
}

function derive(password: string, salt: Uint8Array, { logN, r, p }: Parameters): Promise<Uint8Array> {
  const options = { N: 2 ** logN, r, p, maxmem: 128 * r * 2 ** logN + 1024 * 1024 };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFC"), salt, hashBytes, options, (error: Error | null | undefined, key) => {
      // Node passes null, Bun undefined.
      if (error === null || error === undefined) resolve(key);
      else reject(error);
    });
  });
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replace(/=+$/, "");
}
