/** Messages about paths that are not synchronised. Pure. */
import { shownPath } from "@nethsec/host/files/os-path";
import type { Withheld } from "../cluster/agent-schemas.ts";

/** Further paths are only counted. */
const namedMax = 5;

/** "/etc/config/firewall is not synchronised: it is empty, and was not." */
export function withheldText(withheld: readonly Withheld[]): string {
  const named = withheld
    .slice(0, namedMax)
    .map(({ path, reason }) => `${shownPath(path)} is not synchronised: ${reason}.`);
  const more = withheld.length - named.length;
  return [...named, ...(more > 0 ? [`So are ${more} more: ns-ha-config diff.`] : []), "Everything else is."].join(" ");
}

export function withheldAdvice(withheld: readonly Withheld[]): string {
  const path = shownPath(withheld[0]?.path ?? "FILE");
  return `The backup keeps what it has. Put the file right, then it is sent by itself; if it is as it should be: ns-ha-config sync --force ${path}`;
}
