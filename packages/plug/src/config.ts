/**
 * `/etc/config/ns-plug`, section `config`: UCI ↔ typed value (contract "ns-plug", section 1). Reading is pure and never throws: an option
 * that is missing or empty is undefined, and each command checks for the options that it needs.
 */
import type { Transaction, UciStore } from "@nethsec/host/uci-store";

export type Plan = "community" | "enterprise";

export interface PlugConfig {
  readonly controller: ControllerConfig;
  /** undefined: this machine has no subscription. */
  readonly subscription: Subscription | undefined;
  readonly backup: BackupConfig;
}

export interface BackupConfig {
  /** Unencrypted backups are neither sent (as with the released packages) nor restored from the portal. */
  readonly requireEncryption: boolean;
  /** Do not send the alert about unencrypted backups. */
  readonly alertDisabled: boolean;
}

export interface ControllerConfig {
  /** HTTPS URL without a trailing slash. */
  readonly server: string | undefined;
  readonly unitId: string | undefined;
  readonly token: string | undefined;
  readonly unitName: string | undefined;
  readonly description: string | undefined;
  readonly tlsVerify: boolean;
  /** Bytes; used when both are set. */
  readonly tunMtu: number | undefined;
  readonly mssfix: number | undefined;
  /** The controller's address inside the VPN and the port of its API there, both received at registration. */
  readonly vpnAddress: string | undefined;
  readonly apiPort: number | undefined;
  /** After losing its tunnel the unit registers again after a random delay of up to this time. */
  readonly rejoinSpreadMs: number;
}

export interface Subscription {
  readonly plan: Plan;
  readonly systemId: string;
  readonly secret: string;
  /** Each ends with a slash. */
  readonly apiUrl: string;
  readonly alertsUrl: string;
  readonly inventoryUrl: string;
  /** Without a trailing slash. */
  readonly backupUrl: string;
  /** URL of the second portal; ends with a slash. */
  readonly copyUrl: string;
}

interface Portal {
  readonly api_url: string;
  readonly alerts_url: string;
  readonly inventory_url: string;
}

/** URLs of each plan's portal (contract ns-plug 2). */
export const portals: Readonly<Record<Plan, Portal>> = {
  community: {
    api_url: "https://my.nethserver.com/api/",
    alerts_url: "https://my.nethserver.com/api/machine/",
    inventory_url: "https://my.nethserver.com/api/machine/inventories/store/",
  },
  enterprise: {
    api_url: "https://my.nethesis.it/api/",
    alerts_url: "https://my.nethesis.it/isa/",
    inventory_url: "https://my.nethesis.it/isa/inventory/store/",
  },
};

/** Seconds. Spreads 10,000 units to 56 requests a second. */
const defaultRejoinSpreadS = 180;
const defaultBackupUrl = "https://backupd.nethesis.it";
/** portal.json, hosts, new_portal_copy; hard-coded in the released packages. */
const defaultCopyUrl = "https://my.nethesis.it/proxy/";

export const isPlan = (text: string): text is Plan => text === "community" || text === "enterprise";

export function readPlugConfig(uci: Pick<UciStore, "read">): PlugConfig {
  const section = uci.read("ns-plug").section("config");
  const text = (option: string): string | undefined => section?.get(option) || undefined;
  const positive = (option: string): number | undefined => {
    const value = section?.int(option, 0) ?? 0;
    return value > 0 ? value : undefined;
  };
  const plan = text("type") ?? "";
  const [systemId, secret] = [text("system_id"), text("secret")];
  return {
    controller: {
      server: text("server")?.replace(/\/+$/, ""),
      unitId: text("unit_id"),
      token: text("token"),
      unitName: text("unit_name"),
      description: text("description"),
      tlsVerify: section?.bool("tls_verify", true) ?? true,
      tunMtu: positive("tun_mtu"),
      mssfix: positive("mssfix"),
      vpnAddress: text("vpn_address"),
      apiPort: positive("api_port"),
      rejoinSpreadMs: Math.min(3600, Math.max(0, section?.int("rejoin_spread", defaultRejoinSpreadS) ?? 0)) * 1000,
    },
    subscription:
      isPlan(plan) && systemId !== undefined && secret !== undefined
        ? {
            plan,
            systemId,
            secret,
            apiUrl: withSlash(text("api_url") ?? portals[plan].api_url),
            alertsUrl: withSlash(text("alerts_url") ?? portals[plan].alerts_url),
            inventoryUrl: withSlash(text("inventory_url") ?? portals[plan].inventory_url),
            backupUrl: (text("backup_url") ?? defaultBackupUrl).replace(/\/+$/, ""),
            copyUrl: withSlash(text("copy_url") ?? defaultCopyUrl),
          }
        : undefined,
    backup: {
      requireEncryption: section?.bool("require_encryption", false) ?? false,
      alertDisabled: section?.bool("backup_alert_disabled", false) ?? false,
    },
  };
}

const withSlash = (url: string): string => (url.endsWith("/") ? url : `${url}/`);

/** Sets options of `ns-plug.config`; undefined removes one. Makes the section if it is missing. */
export function writePlugOptions(
  transaction: Transaction,
  options: Readonly<Record<string, string | undefined>>,
): void {
  transaction.setSection("ns-plug", "config", "main");
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined) transaction.delete("ns-plug", "config", option);
    else transaction.set("ns-plug", "config", option, value);
  }
}
