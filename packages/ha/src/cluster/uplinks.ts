/**
 * Failover on dead uplinks: which WANs are watched, what a node tells about them, and the last handover for this reason.
 * The list of watched WANs is in /etc/config/ns-ha, which is synchronised, so that both nodes have it. The last handover is a file in /etc/ns-ha: on
 * flash, so that the hold-down survives a restart and a reboot; never synchronised (sync/path-rules.ts), both nodes keep their own copy.
 */
import { readJson } from "@nethsec/host/files/read-json";
import type { Files } from "@nethsec/host/host";
import type { Transaction, UciStore } from "@nethsec/host/uci-store";
import * as v from "valibot";
import { vrrpStateSchema } from "./state.ts";

const pkg = "ns-ha";
const section = "uplinks";
const movePath = "/etc/ns-ha/uplink-move.json";

/** Names of the WANs whose death lets the site move; [] (the default): none. Throws when /etc/config/ns-ha cannot be parsed. */
export function watchedUplinks(uci: Pick<UciStore, "load">): readonly string[] {
  return uci.load(pkg)?.section(section)?.list("watch") ?? [];
}

/** Idempotent. */
export function watchUplink(tx: Transaction, name: string, on: boolean): void {
  const listed = tx.load(pkg).section(section)?.list("watch") ?? [];
  if (listed.includes(name) === on) return;
  if (on) {
    tx.setSection(pkg, section, "uplinks");
    tx.addList(pkg, section, "watch", name);
  } else if (listed.length === 1) tx.delete(pkg, section);
  else tx.removeFromList(pkg, section, "watch", name);
}

/** The last handover of the site that restarts the hold-down: one for dead uplinks, or an administrator's. Only the primary makes one. */
export const uplinkMoveSchema = v.object({
  /** Milliseconds since 1970, by the primary's clock. */
  at: v.number(),
  to: v.picklist(["primary", "backup"]),
  /** How many handovers for dead uplinks there were since a watched WAN worked last; 0: an administrator handed over. */
  attempt: v.number(),
  /** Afterwards a watched WAN worked on the node that carries the site: the handover helped. */
  worked: v.boolean(),
});
export type UplinkMove = v.InferOutput<typeof uplinkMoveSchema>;

export const uplinkSchema = v.object({
  name: v.string(),
  /** mwan3's word for it, on the node that carries the site; absent: not asked, or mwan3 did not answer. */
  word: v.optional(v.string()),
  /** For how long mwan3 has called it dead, or online, without a break, milliseconds; absent: it does not. */
  deadMs: v.optional(v.number()),
  onlineMs: v.optional(v.number()),
});
export type Uplink = v.InferOutput<typeof uplinkSchema>;

/** What a node tells about the watched WANs. */
export const uplinkReportSchema = v.object({
  uplinks: v.array(uplinkSchema),
  move: v.optional(uplinkMoveSchema),
});
export type UplinkReport = v.InferOutput<typeof uplinkReportSchema>;

/** A watched WAN on a node that is passive, as far as it can tell without using the line. */
export const uplinkCarrierSchema = v.object({
  name: v.string(),
  /** Those that the WAN stands on. */
  devices: v.array(v.string()),
  /** Of at least one of them. Absent: they are switched off, as netifd does with the devices of an interface that is down. */
  carrier: v.optional(v.boolean()),
});
export type UplinkCarrier = v.InferOutput<typeof uplinkCarrierSchema>;

/** What the backup answers when the primary asks whether it could take the site, or still needs to be relieved of it. */
export const uplinkAnswerSchema = v.object({
  state: vrrpStateSchema,
  uplinks: v.array(uplinkSchema),
  carriers: v.array(uplinkCarrierSchema),
});
export type UplinkAnswer = v.InferOutput<typeof uplinkAnswerSchema>;

/** undefined: there was none, or the file is damaged. */
export const readUplinkMove = (files: Pick<Files, "readText">): UplinkMove | undefined =>
  readJson(files, movePath, uplinkMoveSchema);

/** undefined: forgets it. Throws FileError when it cannot be kept. */
export function writeUplinkMove(files: Pick<Files, "write" | "remove">, move: UplinkMove | undefined): void {
  if (move === undefined) files.remove(movePath);
  else files.write(movePath, `${JSON.stringify(move)}\n`, { mode: 0o600 });
}
