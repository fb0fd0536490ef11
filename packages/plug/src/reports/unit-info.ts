/** Facts about the unit shown by the controller (recorded: controller-http.json, "ingest info"; types matter: a number as text is refused). */
import type { Host } from "@nethsec/host/host";
import * as v from "valibot";
import { readPlugConfig } from "../config.ts";
import { installedVersion } from "../updates/installed-version.ts";
import { printable } from "./config-dumps.ts";

/** Limit of the update plugin, which asks the portal for the latest image and waits at most 5 s for it. */
const updateTimeoutMs = 20_000;
const updatePlugin = "/usr/libexec/rpcd/ns.update";

export interface UnitInfo {
  readonly unit_name: string;
  readonly version: string;
  readonly subscription_type: string;
  readonly system_id: string;
  /** -1: no SSH server. */
  readonly ssh_port: number;
  readonly fqdn: string;
  readonly api_version: string;
  readonly description: string;
  /** Seconds since 1970; -1: none. */
  readonly scheduled_update: number;
  /** Empty: none. */
  readonly version_update: string;
}

export async function unitInfo(host: Pick<Host, "uci" | "system" | "files" | "run">): Promise<UnitInfo> {
  const { controller, subscription } = readPlugConfig(host.uci);
  const release = host.system.osRelease();
  const ports = host.uci
    .read("dropbear")
    .ofType("dropbear")
    .map((section) => section.int("Port", -1));
  return {
    unit_name: printable(controller.unitName ?? "") || host.system.hostname(),
    // "NethSecurity-8.7.2" is shown as "NethSecurity 8.7.2".
    version: (release["PRETTY_NAME"] ?? release["VERSION_ID"] ?? "").replace("-", " "),
    subscription_type: subscription?.plan ?? "",
    system_id: subscription?.systemId ?? "",
    ssh_port: ports.find((port) => port > 0) ?? -1,
    fqdn: host.system.hostname(),
    // The controller compares this version with the range that its pages support.
    api_version: installedVersion(host, "ns-api") ?? "",
    description: printable(controller.description ?? ""),
    ...(await updateState(host)),
  };
}

const updateSchema = v.object({ scheduledAt: v.pipe(v.number(), v.integer()), lastVersion: v.string() });

/** Update state from NethSecurity's own plugin; without the plugin, no update is reported. */
async function updateState({
  files,
  run,
}: Pick<Host, "files" | "run">): Promise<Pick<UnitInfo, "scheduled_update" | "version_update">> {
  const none = { scheduled_update: -1, version_update: "" };
  if (!files.exists(updatePlugin)) return none;
  const options = { timeoutMs: updateTimeoutMs, ok: "any", stdin: "{}" } as const;
  const { code, stdout } = await run([files.real(updatePlugin), "call", "check-system-update"], options);
  const answer = code === 0 ? v.safeParse(updateSchema, parsed(stdout)) : undefined;
  return answer?.success === true
    ? { scheduled_update: answer.output.scheduledAt, version_update: printable(answer.output.lastVersion) }
    : none;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
