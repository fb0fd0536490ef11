/**
 * The account by which the controller administers this unit: UCI section `rpcd.controller` (contract ns-plug 1, steps 2 to 4).
 * Invariant: the clear password exists only in this process's memory and in the request to the controller.
 */
import { newPasswordHash } from "@nethsec/host/ffi/crypt";
import type { Host } from "@nethsec/host/host";

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

type Needs = Pick<Host, "uci" | "random">;

/** The account's name, kept for as long as the section exists, with a new random password. Saves only the name. */
export function newCredentials(host: Needs): Credentials {
  const password = host.random.text(32);
  const known = host.uci.read("rpcd").get("controller", "username");
  if (known !== undefined && known !== "") return { username: known, password };
  const username = host.random.text(16);
  host.uci.change((transaction) => {
    transaction.setSection("rpcd", "controller", "login");
    transaction.set("rpcd", "controller", "username", username);
    transaction.set("rpcd", "controller", "read", ["*"]);
    transaction.set("rpcd", "controller", "write", ["*"]);
  });
  return { username, password };
}

/** Makes the password valid: to be called only when the controller has taken it. */
export function savePassword(host: Needs, { password }: Credentials): void {
  const hash = newPasswordHash(password, host.random);
  host.uci.change((transaction) => transaction.set("rpcd", "controller", "password", hash));
}

export function removeCredentials(host: Needs): void {
  host.uci.change((transaction) => transaction.delete("rpcd", "controller"));
}
