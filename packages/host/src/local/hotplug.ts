/** OpenWrt's hotplug events. */
import type { Run } from "../host.ts";

/**
 * `/sbin/hotplug-call DIR`: runs the scripts of /etc/hotplug.d/DIR in name order with `env` (e.g. ACTION, TYPE, NAME) and waits for them. They may be
 * third-party scripts: a failing script is ignored, a hanging one is killed after `timeoutMs` (default 60 s) with RunError.
 */
export async function hotplugCall(
  run: Run,
  dir: string,
  env: Readonly<Record<string, string>>,
  timeoutMs = 60_000,
): Promise<void> {
  if (!/^[A-Za-z0-9_.-]+$/.test(dir)) throw new Error(`not a hotplug folder: ${JSON.stringify(dir)}`);
  await run(["hotplug-call", dir], { env, timeoutMs, ok: "any" });
}
