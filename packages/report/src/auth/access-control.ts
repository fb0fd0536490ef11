/**
 * Access control of the pages: decides for each request whether it may read, signs users in and out.
 *
 * Invariants: without credentials in the configuration every request is allowed, and the server then listens on the loopback or a UNIX socket only
 * (serve-config.ts); secrets are compared in constant time; wrong tries are limited, and a valid token is never delayed by them; one password is
 * hashed at a time, so that tries cost at most one hash's memory.
 */
import { isPasswordHash, passwordMatches, tokenMatches } from "./password-hash.ts";
import { RateLimit } from "./rate-limit.ts";
import { lifetimeMs, Sessions } from "./sessions.ts";

export interface Credentials {
  readonly passwordHash: string | undefined;
  readonly tokenHashes: readonly string[];
}

export interface AccessNeeds {
  /** Monotonic clock, milliseconds. */
  readonly now: () => number;
  /** Letters and digits from the system's CSPRNG. */
  readonly randomText: (count: number) => string;
}

/** "wait": too many failed tries; `ms`: how long to wait. */
export type Verdict =
  | { readonly kind: "allowed"; readonly signedIn: boolean }
  | { readonly kind: "denied" }
  | { readonly kind: "wait"; readonly ms: number };

const cookieName = "ns-report-session";
const maxWaitingHashes = 8;

export class AccessControl {
  readonly #credentials: Credentials | undefined;
  readonly #limit: RateLimit;
  readonly #sessions: Sessions;
  #hashing: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Without credentials every request is allowed. */
  constructor(credentials: Credentials | undefined, needs: AccessNeeds) {
    this.#credentials = credentials;
    this.#limit = new RateLimit(needs.now);
    this.#sessions = new Sessions(needs.now, needs.randomText);
  }

  /** Checks the session's cookie or `Authorization: Bearer TOKEN`. `address`: of the other end, for the rate limit. */
  check(headers: Headers, address: string): Verdict {
    if (this.#credentials === undefined) return { kind: "allowed", signedIn: false };
    const id = sessionOf(headers);
    if (id !== undefined && this.#sessions.holds(id)) return { kind: "allowed", signedIn: true };
    const bearer = /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
    if (bearer === undefined) return { kind: "denied" };
    // Checked before the limit: a token of 256 random bits cannot be guessed, and its owner must not be delayed by others at the same address.
    if (this.#isToken(bearer, this.#credentials)) return { kind: "allowed", signedIn: false };
    const ms = this.#limit.attempt(address);
    return ms > 0 ? { kind: "wait", ms } : { kind: "denied" };
  }

  /** Returns the cookie to set when `secret` is the password or a token. `secure`: the browser's connection is encrypted. */
  async signIn(
    secret: string,
    address: string,
    cookie: CookieScope,
  ): Promise<
    { readonly cookie: string } | { readonly problem: "wrong" } | { readonly problem: "wait"; readonly ms: number }
  > {
    const credentials = this.#credentials;
    if (credentials === undefined || !this.#isToken(secret, credentials)) {
      // Nothing is compared, so this is no try.
      if (this.#waiting >= maxWaitingHashes) return { problem: "wait", ms: 1000 };
      const ms = this.#limit.attempt(address);
      if (ms > 0) return { problem: "wait", ms: Math.max(ms, 1000) };
      if (credentials === undefined || !(await this.#isPassword(secret, credentials))) return { problem: "wrong" };
      this.#limit.succeeded(address);
    }
    return { cookie: cookieText(this.#sessions.begin(), Math.floor(lifetimeMs / 1000), cookie) };
  }

  /** Ends the session; returns the cookie that removes it from the browser. */
  signOut(headers: Headers, cookie: CookieScope): string {
    const id = sessionOf(headers);
    if (id !== undefined) this.#sessions.end(id);
    return cookieText("", 0, cookie);
  }

  #isToken(secret: string, credentials: Credentials): boolean {
    return credentials.tokenHashes.map((hash) => tokenMatches(secret, hash)).includes(true);
  }

  async #isPassword(secret: string, { passwordHash }: Credentials): Promise<boolean> {
    if (passwordHash === undefined || !isPasswordHash(passwordHash)) return false;
    this.#waiting += 1;
    const turn = this.#hashing.then(() => passwordMatches(secret, passwordHash));
    this.#hashing = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }
}

export interface CookieScope {
  /** "/" or the site's base. */
  readonly path: string;
  readonly secure: boolean;
}

function cookieText(value: string, maxAge: number, { path, secure }: CookieScope): string {
  return `${cookieName}=${value}; Path=${path}; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${secure ? "; Secure" : ""}`;
}

function sessionOf(headers: Headers): string | undefined {
  for (const part of (headers.get("cookie") ?? "").slice(0, 8192).split(";")) {
    const [name, value] = part.trim().split("=", 2);
    if (name === cookieName && value !== undefined) return value;
  }
  return undefined;
}
