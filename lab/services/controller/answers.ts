/** Answers in the controller's form: members sorted by name, with a number `code`, mostly equal to the HTTP status. */
export interface ApiRequest {
  readonly method: string;
  /** Without the /api prefix, which the reverse proxy strips, and without the query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The client's IP address; each address has its own rate limit bucket. */
  readonly address: string;
}

export const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { "Content-Type": "application/json; charset=utf-8", ...headers },
  });

export const answer = (status: number, message: string, data: unknown = null, code = status): Response =>
  json(status, { code, data, message });

/** User and password of a Basic authorization header; empty strings without one. */
export function basicOf({ headers }: ApiRequest): readonly [user: string, password: string] {
  const encoded = /^Basic (\S+)$/.exec(headers["authorization"] ?? "")?.[1] ?? "";
  const [user = "", ...rest] = Buffer.from(encoded, "base64").toString().split(":");
  return [user, rest.join(":")];
}
