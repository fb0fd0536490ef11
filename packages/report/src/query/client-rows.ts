/** Clients as lists show them, and which of them a question is about. Pure, but for the lookup of names. */
import type { ClientGroup } from "../groups/client-groups.ts";
import { addressOf, clientRow, deviceOf, isDevice } from "../store/client-key.ts";
import type { Narrow } from "./narrow.ts";
import type { ClientNames } from "../names/client-names.ts";
import { sortUsages, UsageSums, type Usage } from "./traffic.ts";

/** `id`: the device's MAC address, or the address where the device is not known. */
export interface ClientUsage extends Usage {
  /** Of a device: its addresses with traffic, largest first. */
  readonly addresses?: readonly Usage[];
}

/** Sums by client key become rows, largest first: the addresses of a device are one. */
export function clientRows(byKey: readonly Usage[]): ClientUsage[] {
  const rows = new UsageSums();
  const addresses = new Map<string, Usage[]>();
  for (const usage of byKey) {
    const { id, bytes, download, upload } = usage;
    rows.add(clientRow(id), bytes, download, upload);
    const device = deviceOf(id);
    if (device === undefined) continue;
    const list = addresses.get(device) ?? [];
    if (list.length === 0) addresses.set(device, list);
    list.push({ ...usage, id: addressOf(id) });
  }
  return rows.sorted().map((row) => {
    const own = addresses.get(row.id);
    return own === undefined ? row : { ...row, addresses: sortUsages(own) };
  });
}

/** The address that stands for a row: the one with the most traffic. */
export function mainAddress({ id, addresses }: ClientUsage): string {
  return addresses?.[0]?.id ?? id;
}

/** undefined: the device is not known. */
export function deviceIn({ id }: Usage): string | undefined {
  return isDevice(id) ? id : undefined;
}

/**
 * Names of rows by their ids: a device is named as such, else by any of its addresses, else by its maker. Waits for reverse DNS at most `waitMs`.
 * `more`: other ids to name.
 */
export async function rowNames(
  names: Pick<ClientNames, "lookup" | "madeBy">,
  waitMs: number,
  rows: readonly ClientUsage[],
  more: readonly string[] = [],
): Promise<ReadonlyMap<string, string>> {
  const idsOf = ({ id, addresses }: ClientUsage): string[] => [id, ...(addresses ?? []).map((one) => one.id)];
  const found = await names.lookup([...more, ...rows.flatMap(idsOf)], waitMs);
  for (const row of rows) {
    const own = idsOf(row)
      .map((id) => found.get(id))
      .find((one) => one !== undefined);
    const name = own ?? (isDevice(row.id) ? await names.madeBy(row.id) : undefined);
    if (name !== undefined) found.set(row.id, name);
  }
  return found;
}

export interface ClientText {
  readonly label: string;
  /** What the label leaves out: the address beside a name, the device beside an address. */
  readonly note?: string;
}

/** "anna-laptop" and "192.168.1.10 +3", "192.168.1.10" and "4a:d3:49:8f:86:ca". */
export function clientText(row: ClientUsage, names: ReadonlyMap<string, string>): ClientText {
  const address = mainAddress(row);
  const name = names.get(row.id);
  const others = (row.addresses?.length ?? 1) - 1;
  const more = others > 0 ? ` +${others}` : "";
  if (name !== undefined) return { label: name, note: `${address}${more}` };
  return address === row.id ? { label: address } : { label: address, note: `${row.id}${more}` };
}

/** The traffic of each group, largest first: a client may be in several, or in none. */
export function groupUsages(rows: readonly ClientUsage[], groups: readonly ClientGroup[]): Usage[] {
  const sums = new UsageSums();
  for (const row of rows) {
    for (const { id, bytes, download, upload } of row.addresses ?? [row])
      for (const group of groups) if (group.has(id, deviceIn(row))) sums.add(group.name, bytes, download, upload);
  }
  return sums.sorted();
}

/** Whether a client key belongs to what is asked; undefined: all do. `client` is an address or a device. */
export function wantedClients({ client, group }: Narrow): ((key: string) => boolean) | undefined {
  if (client === undefined && group === undefined) return undefined;
  return (key) =>
    (client === undefined || client === addressOf(key) || client === deviceOf(key)) &&
    group?.has(addressOf(key), deviceOf(key)) !== false;
}
