/** Stalled transfers end long before their deadline; slow ones continue. The servers read and write byte by byte under the test's control. */
import { afterAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "../testing/pace.ts";
import { httpRequest } from "./http.ts";
import { fakeHost } from "../testing/fake-host.ts";

setDefaultTimeout(paced(60_000));

const large = 24_000_000;
const host = fakeHost();
const servers: { stop(force?: boolean): unknown }[] = [];

beforeEach(() => host.files.write("/tmp/large", new Uint8Array(large)));
afterAll(() => {
  for (const server of servers) server.stop(true);
  host[Symbol.dispose]();
});

/** `data` is called with each piece of a request. */
function rawServer(data: (socket: Bun.Socket, piece: Uint8Array) => void): string {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data } });
  servers.push(server);
  return `http://localhost:${server.port}`;
}
const head = (length: number): string => `HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n`;

test.each([
  ["an upload that the server takes no more of", { method: "PUT", body: { file: "/tmp/large" } }, ""],
  ["a download that stops in the middle", { download: { file: "/tmp/image" } }, `${head(10)}abc`],
] as const)(
  "%s",
  async (_what, request, answer) => {
    const url = rawServer((socket) => {
      socket.pause();
      socket.write(answer);
    });
    const started = performance.now();
    const call = httpRequest({ url, ...request, timeoutMs: 60_000, idleMs: 300, retries: 0 }, host);
    await expect(call).rejects.toMatchObject({
      kind: "timeout",
      message: expect.stringContaining("nothing moved for 0.3 s"),
    });
    expect(performance.now() - started).toBeLessThan(5000);
    expect(host.files.list("/tmp")).toEqual(["large"]);
  },
  paced(10_000),
);

test("one that is slow, or whose reader is, is not idle", async () => {
  const drops = rawServer((socket) => {
    socket.write(head(5));
    let sent = 0;
    const timer = setInterval(() => {
      socket.write("x");
      if (++sent === 5) clearInterval(timer);
    }, 400);
  });
  const pauses = rawServer((socket) => {
    socket.write(`${head(5)}xxx`);
    setTimeout(() => socket.write("xx"), 2600);
  });
  let taken = 0;
  const sips = rawServer((socket, piece) => {
    taken += piece.length;
    if (taken >= large) socket.write(head(0));
    socket.pause();
    setTimeout(() => socket.resume(), piece.length / 8_000);
  });
  const common = { idleMs: 1600, timeoutMs: 20_000, retries: 0 };
  const answers = await Promise.all([
    httpRequest({ ...common, url: drops }, host),
    httpRequest({ ...common, url: pauses, download: { write: () => Bun.sleep(2000) } }, host),
    httpRequest({ ...common, url: sips, method: "PUT", body: { file: "/tmp/large" } }, host),
  ]);
  expect(answers.map(({ received }) => received)).toEqual([5, 5, 0]);
});
