/** `ns-ha adopt`, `authorize` and `hand-back`. */
import type { Call } from "@nethsec/host/command/command";
import { adoptCluster, authorize, handBack, unauthorize } from "../change/adopt.ts";
import { succeed } from "./answer.ts";

export async function runAdopt(call: Call): Promise<number> {
  const adopted = await adoptCluster(call.host);
  if (adopted === undefined) return succeed(call, []);
  const { address, fingerprint } = adopted;
  const pinned = `The SSH host key of ${address} was pinned: ${fingerprint}`;
  return succeed(call, [`The cluster with the backup node ${address} was taken over as it is.`, pinned], {
    host_key: fingerprint,
  });
}

export async function runAuthorize(call: Call): Promise<number> {
  await authorize(call.host, await call.io.readAll());
  return succeed(call, []);
}

export async function runUnauthorize(call: Call): Promise<number> {
  await unauthorize(call.host);
  return succeed(call, []);
}

export async function runHandBack(call: Call): Promise<number> {
  const member = await handBack(call.host);
  return succeed(call, member ? ["This node is ready for the older ns-ha; keepalived goes on."] : []);
}
