/**
 * The account that the controller uses to administer this unit: UCI section `rpcd.controller` (contract ns-plug 1, steps 2 to 4).
 * Invariant: the clear password exists only in this process's memory and in the request to the controller.
 */
import { newPasswordHash } from "@nethsec/host/ffi/crypt";
import { sha256 } from "@nethsec/host/files/digests";
import type { Host } from "@nethsec/host/host";

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

type Needs = Pick<Host, "uci" | "random">;

export const newPassword = ({ random }: Pick<Host, "random">): string => random.text(32);

/**
 * The account's name. The controller keeps the name of a unit's first registration and silently ignores later ones, so the name is derived from
 * the unit's id and is the same after any reset. An existing account of an older version, which has a random name, keeps it while the unit's id
 * stays the same.
 */
export function accountName(host: Needs, unitId: string): string {
  const section = host.uci.read("rpcd").section("controller");
  const known = section?.get("username") ?? "";
  const owner = section?.get("unit_id");
  if (known !== "" && owner === unitId) return known;
  const username = known !== "" && owner === undefined ? known : derivedName(unitId);
  host.uci.change((transaction) => {
    transaction.setSection("rpcd", "controller", "login");
    transaction.set("rpcd", "controller", "username", username);
    transaction.set("rpcd", "controller", "unit_id", unitId);
    transaction.set("rpcd", "controller", "read", ["*"]);
    transaction.set("rpcd", "controller", "write", ["*"]);
  });
  return username;
}

/** 24 hexadecimal digits, like the names of NethSecurity's own controller accounts. */
const derivedName = (unitId: string): string => sha256(`controller account of unit ${unitId}`).slice(0, 24);

/** Activates the password. Call only after the controller has accepted it. */
export function savePassword(host: Needs, { password }: Credentials): void {
  const hash = newPasswordHash(password, host.random);
  host.uci.change((transaction) => transaction.set("rpcd", "controller", "password", hash));
}

export function removeCredentials(host: Needs): void {
  host.uci.change((transaction) => transaction.delete("rpcd", "controller"));
}
