/**
 * Explains netifd's error codes for an interface that is not up (`errors[].code` of its status). Source: netifd, interface.c and proto.c (its own
 * codes), OpenWrt's xfrm.sh (NO_TUNLINK, NO_IFID). Other protocol handlers define more codes: those are shown unexplained.
 */
import type { NetworkInterface } from "@nethsec/host/host";

const meanings: Readonly<Record<string, string>> = {
  NO_DEVICE: "its device does not exist",
  DEVICE_CLAIM_FAILED: "its device cannot be made or set up",
  SETUP_FAILED: "its protocol cannot be started",
  INVALID_PROTO: "its protocol is not known on this node: is the package that brings it installed?",
  INVALID_ADDRESS: "an address in its configuration is none",
  INVALID_NETMASK: "the netmask in its configuration is none",
  INVALID_BROADCAST: "the broadcast address in its configuration is none",
  INVALID_PTPADDR: "the point-to-point address in its configuration is none",
  INVALID_GATEWAY: "the gateway in its configuration is none",
  NO_TUNLINK: "it has no option tunlink",
  NO_IFID: "it has no option ifid",
};

/**
 * Treats an interface whose protocol has no handler as down: netifd turns it into proto none and brings it up without an address, recorded as
 * `up: true, proto: "none"` without an error. `wanted`: the configured protocol. Pure.
 */
export function asWanted(found: NetworkInterface, wanted: string | undefined): NetworkInterface {
  if (!found.up || found.proto !== "none" || (wanted ?? "none") === "none") return found;
  return { ...found, up: false, errors: ["INVALID_PROTO"] };
}

/** ": NO_DEVICE, its device does not exist"; "" when netifd gives no reason. Pure. */
export function netifdReason({ errors, pending }: Pick<NetworkInterface, "errors" | "pending">): string {
  const told = [...new Set(errors)].map((code) => {
    const meaning = meanings[code];
    return meaning === undefined ? code : `${code}, ${meaning}`;
  });
  if (told.length > 0) return `: netifd says ${told.join("; ")}`;
  return pending ? ": netifd is still setting it up" : "";
}
