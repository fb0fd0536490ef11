/** netifyd's HTTP sink, simulated by requests as in the contract. */
import { afterEach, expect, test } from "bun:test";
import { createServer } from "node:net";
import { localClock } from "@nethsec/host/local/local-clock";
import { clientTableOf, contractPosts } from "../../test/contract-stream.ts";
import { until } from "../../test/flow-server.ts";
import { Accounting } from "./accounting.ts";
import { httpSource } from "./http-source.ts";
import { InterfaceNumbers } from "./interface-numbers.ts";
import { Ledger } from "./ledger.ts";
import { StreamReader } from "./stream-reader.ts";

const path = "/flows/0123456789abcdef";
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** A free port: nothing listens on it. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

interface Running {
  readonly url: string;
  readonly seen: string[];
}

async function running(port: number, data: (chunk: Uint8Array) => void = () => undefined): Promise<Running> {
  const seen: string[] = [];
  const abort = new AbortController();
  const done = httpSource({ port, path }, localClock)(
    {
      data,
      connected: () => void seen.push("connected"),
      disconnected: (why) => void seen.push(why),
    },
    abort.signal,
  );
  stops.push(async () => {
    abort.abort();
    await done;
  });
  return { url: `http://127.0.0.1:${port}`, seen };
}

const post = (url: string, body: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, { method: "POST", body, headers });

async function listening(url: string): Promise<void> {
  let up = false;
  const ask = async (): Promise<void> => {
    while (!up)
      up = await fetch(url).then(
        () => true,
        () => false,
      );
  };
  void ask();
  await until(() => up, "the receiver");
}

test("the contract's requests give the contract's figures, and each is answered by 200", async () => {
  const { answer, bodies } = contractPosts();
  const ledger = new Ledger();
  const accounting = new Accounting(ledger, answer.connect_at);
  const reader = new StreamReader(accounting, new InterfaceNumbers().of);
  const { url, seen } = await running(await freePort(), (chunk) => reader.push(chunk));
  await listening(url);
  let now = answer.connect_at;
  for (const body of bodies) {
    for (const [, at] of body.matchAll(/"(?:first|last)_seen_at":(\d{13})/g)) now = Math.max(now, Number(at));
    accounting.setTime(now, now - answer.connect_at);
    expect((await post(url + path, body)).status).toBe(200);
  }
  expect(seen).toEqual(["connected"]);
  expect(clientTableOf([...ledger.hours.values()].map(({ counters }) => counters))).toEqual(answer.flows.clients);
  let waiting = 0;
  for (const bytes of accounting.waitingByHour().values()) waiting += bytes;
  expect(ledger.unknownFlow + waiting).toBe(answer.flows.unattributed);
  expect(reader.malformed).toBe(0);
});

test("nobody else is heard: another path, a browser, another method, other bodies, too large ones", async () => {
  const taken: Uint8Array[] = [];
  const { url } = await running(await freePort(), (chunk) => taken.push(chunk));
  await listening(url);
  const body = '{"type":"flow"}';
  const codes = await Promise.all(
    [
      post(`${url}/flows`, body),
      post(`${url}/flows/0123456789abcdeX`, body),
      post(url + path, body, { origin: "http://127.0.0.1" }),
      post(url + path, body, { "sec-fetch-site": "same-origin" }),
      fetch(url + path),
      post(url + path, "[]"),
      post(url + path, `${body}\n${body}`),
      post(url + path, `{"x":"${"x".repeat(300_000)}"}`),
    ].map(async (answer) => (await answer).status),
  );
  expect(codes).toEqual([404, 404, 403, 403, 405, 400, 400, 413]);
  expect(taken).toEqual([]);
});

test("a port that somebody else has is said, and tried again", async () => {
  const port = await freePort();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(port, "127.0.0.1", resolve));
  const { url, seen } = await running(port);
  await until(() => seen.length > 0, "the trouble");
  expect(seen[0]).toContain(`Cannot listen on 127.0.0.1 port ${port}`);
  await new Promise((resolve) => other.close(resolve));
  await listening(url);
  expect((await post(url + path, "{}")).status).toBe(200);
});
