/** An agent that runs but does not answer: a frozen process, an overloaded machine. */
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { fakeCall } from "@nethsec/host/testing/fake-call";
import { agentClient } from "./agent-client.ts";
import { runEnable } from "../agent/tools.ts";
import { haPaths } from "./config.ts";
import { initBoth, twoNodes } from "../testing/two-nodes.ts";

setDefaultTimeout(paced(60_000));

test("is said in a sentence with what to do, and the rescue goes on without it", async () => {
  using nodes = twoNodes();
  await initBoth(nodes);
  const socket = nodes.primary.files.real(haPaths.agentSocket);
  mkdirSync(dirname(socket), { recursive: true });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  try {
    await expect(agentClient(socket).status()).rejects.toMatchObject({
      code: "ha_agent_silent",
      advice: expect.stringContaining("/etc/init.d/ns-ha restart"),
    });
    expect(await runEnable(fakeCall(nodes.primary).call)).toBe(0);
  } finally {
    server.close();
  }
});
