/**
 * Merges two lease files of dnsmasq. Pure.
 * Format (dnsmasq's lease.c writes it, its manual describes the fields for --dhcp-script): `EXPIRY MAC ADDRESS NAME CLIENT-ID`, one lease a line;
 * after a line `duid …` the leases of DHCPv6 follow, with an IAID instead of the MAC. EXPIRY in epoch seconds, 0 for ever.
 */

interface Lease {
  readonly line: string;
  readonly expiry: number;
  /** Client identifier, else MAC or IAID. */
  readonly client: string;
  readonly address: string;
}

interface LeaseFile {
  readonly duid: string | undefined;
  readonly leases: readonly Lease[];
  readonly leases6: readonly Lease[];
}

/**
 * `theirs`: of the node that carried the site, takes precedence. `own`: this node's; a lease is kept when still valid at `nowSeconds` and when `theirs`
 * has neither its address nor its client: while the nodes were disconnected, both may have given leases.
 */
export function mergeLeases(own: string, theirs: string, nowSeconds: number): string {
  const [here, there] = [parseLeases(own), parseLeases(theirs)];
  const merged = mergedLeases(here.leases, there.leases, nowSeconds);
  const merged6 = mergedLeases(here.leases6, there.leases6, nowSeconds);
  const duid = there.duid ?? here.duid;
  const lines = [...merged, ...(duid === undefined ? [] : [duid]), ...(duid === undefined ? [] : merged6)];
  return lines.map((line) => `${line}\n`).join("");
}

function mergedLeases(own: readonly Lease[], theirs: readonly Lease[], nowSeconds: number): string[] {
  const addresses = new Set(theirs.map(({ address }) => address));
  const clients = new Set(theirs.map(({ client }) => client));
  const kept = own.filter(
    ({ expiry, address, client }) =>
      (expiry === 0 || expiry > nowSeconds) && !addresses.has(address) && !clients.has(client),
  );
  return [...theirs, ...kept].map(({ line }) => line);
}

/** Addresses of leases that are valid at `nowSeconds`, by client: for checks and tests. */
export function validLeases(text: string, nowSeconds: number): ReadonlyMap<string, string> {
  const { leases, leases6 } = parseLeases(text);
  const valid = [...leases, ...leases6].filter(({ expiry }) => expiry === 0 || expiry > nowSeconds);
  return new Map(valid.map(({ client, address }) => [client, address]));
}

function parseLeases(text: string): LeaseFile {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const at = lines.findIndex((line) => line.startsWith("duid "));
  const parse = (from: readonly string[]): Lease[] => from.flatMap(parseLease);
  return at === -1
    ? { duid: undefined, leases: parse(lines), leases6: [] }
    : { duid: lines[at], leases: parse(lines.slice(0, at)), leases6: parse(lines.slice(at + 1)) };
}

/** Skips lines that dnsmasq would not read either (half-written or damaged). */
function parseLease(line: string): Lease[] {
  const fields = line.trim().split(" ");
  const [expiry = "", hardware = "", address = "", , id = ""] = fields;
  if (!/^\d+$/.test(expiry) || fields.length < 4 || !/^[0-9a-fA-F.:]+$/.test(address)) return [];
  return [{ line: line.trim(), expiry: Number(expiry), client: id === "" || id === "*" ? hardware : id, address }];
}
