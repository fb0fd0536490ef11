/** Dumps of the configuration for the controller's reports: unit, WANs, OpenVPN instances. Sent with each push; they replace the previous ones. */
import type { Host } from "@nethsec/host/host";
import { messageOf } from "@nethsec/host/message-of";
import * as v from "valibot";
import { readPlugConfig } from "../config.ts";

/** Replaces control characters: the controller refuses a name with U+0000, and with it all following rows. */
export const printable = (text: string): string => text.replaceAll(/[\x00-\x1f\x7f]+/g, " ").trim();

export function unitConfig({ uci, system }: Pick<Host, "uci" | "system">): { readonly name: string } {
  return { name: printable(readPlugConfig(uci).controller.unitName ?? "") || system.hostname() };
}

/** One item per WAN: the interfaces of the firewall zone `wan`, without aliases. */
export async function wanConfig(
  host: Pick<Host, "uci" | "run" | "log">,
): Promise<readonly { interface: string; device: string; status: string }[]> {
  const { uci } = host;
  const zone = uci
    .read("firewall")
    .ofType("zone")
    .find((entry) => entry.name === "ns_wan" || entry.get("name") === "wan");
  const network = uci.read("network");
  const words = await mwanStatus(host);
  return (zone?.list("network") ?? [])
    .filter((name) => network.get(name, "device")?.startsWith("@") !== true)
    .map((name) => ({
      interface: name,
      device: network.get(name, "device") ?? "",
      status: words.get(name) ?? "unknown",
    }));
}

const mwanSchema = v.object({ interfaces: v.record(v.string(), v.looseObject({ status: v.optional(v.string()) })) });

/** mwan3's status of each WAN it tracks: online, offline, notracking and others. Empty when mwan3 does not run or does not answer. */
async function mwanStatus({ run, log }: Pick<Host, "run" | "log">): Promise<ReadonlyMap<string, string>> {
  try {
    const { code, stdout } = await run(["ubus", "call", "mwan3", "status"], { timeoutMs: 10_000, ok: "any" });
    const answer = code === 0 ? v.safeParse(mwanSchema, JSON.parse(stdout)) : undefined;
    const interfaces = answer?.success === true ? Object.entries(answer.output.interfaces) : [];
    return new Map(interfaces.flatMap(([name, { status }]) => (status === undefined ? [] : [[name, status]])));
  } catch (error) {
    log("warning", `the state of the WANs is not known: ${messageOf(error)}`);
    return new Map();
  }
}

export function vpnConfig({
  uci,
}: Pick<Host, "uci">): readonly { instance: string; device: string; type: string; name: string }[] {
  return uci
    .read("openvpn")
    .ofType("openvpn")
    .filter((section) => section.name.startsWith("ns_"))
    .map((section) => {
      const roadWarrior = section.get("ns_auth_mode") !== undefined;
      const client = section.bool("client", false) || section.bool("ns_client", false);
      return {
        instance: section.name,
        device: section.get("dev") ?? "tun1",
        type: roadWarrior ? "rw" : client ? "client" : "server",
        name: section.get(roadWarrior ? "ns_description" : "ns_name") ?? "",
      };
    });
}
