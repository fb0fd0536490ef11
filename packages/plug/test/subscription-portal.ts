/** For tests: both portals and the backup server on the loopback, with the answers of test-data/contracts/portal.json. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

interface Examples {
  readonly answers: {
    readonly info_answer: { readonly examples: Readonly<Record<string, unknown>> };
    readonly backup_list_answer: { readonly examples: Readonly<Record<string, unknown>> };
    readonly backup_delete_answer: { readonly example: unknown };
  };
}
const contract: Examples = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../../test-data/contracts/portal.json"), "utf8"),
);

export interface ReceivedRequest {
  /** e.g. "POST /isa/heartbeats/store" */
  readonly line: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface SubscriptionPortal extends AsyncDisposable {
  readonly url: string;
  readonly received: ReceivedRequest[];
  /** Name of an example of portal.json. */
  infoExample: string;
  /** Name of an example of portal.json, or an answer. */
  list: unknown;
  /** Content of every download. */
  content: Uint8Array;
  /** Options of /etc/config/ns-plug that point to this server. */
  uciOptions(plan: "community" | "enterprise"): string;
}

export const secret = "0123456789abcdef";
export const systemId = "11111111-2222-4333-8444-555555555555";

export function subscriptionPortal(): SubscriptionPortal {
  const received: ReceivedRequest[] = [];
  const answer = (line: string): Response => {
    if (/^(GET \/api\/machine|POST \/api\/systems)\/info$/.test(line)) {
      const example = contract.answers.info_answer.examples[portal.infoExample];
      return example === undefined ? new Response("", { status: 404 }) : Response.json(example);
    }
    if (/^GET \/backup\/\w+\/api\/v2\/backup\/$/.test(line))
      return Response.json(
        typeof portal.list === "string" ? contract.answers.backup_list_answer.examples[portal.list] : portal.list,
      );
    if (line.startsWith("GET /backup/")) return new Response(Buffer.from(portal.content));
    if (line.startsWith("DELETE /backup/")) return Response.json(contract.answers.backup_delete_answer.example);
    return Response.json({});
  };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const line = `${request.method} ${new URL(request.url).pathname}`;
      received.push({ line, headers: Object.fromEntries(request.headers), body: Buffer.from(await request.bytes()) });
      return answer(line);
    },
  });
  const url = `http://127.0.0.1:${server.port}`;
  const portal: SubscriptionPortal = {
    url,
    received,
    infoExample: "systems_info.valid",
    list: "v2_two",
    content: new Uint8Array(300).fill(0xff),
    uciOptions: (plan) =>
      Object.entries({
        type: plan,
        system_id: systemId,
        secret,
        api_url: `${url}/api/`,
        alerts_url: `${url}/isa/`,
        inventory_url: `${url}/isa/inventory/store/`,
        backup_url: `${url}/backup`,
        copy_url: `${url}/proxy/`,
      })
        .map(([option, value]) => `\toption ${option} '${value}'\n`)
        .join(""),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
  return portal;
}
