/**
 * How far the controller was told (/etc/ns-plug/reports.json, written by ns-plug's cursors.ts). Pure.
 * What was read of the log and of the traffic reports is a place in files of one node; the other has files of its own. Connections of OpenVPN and
 * events that wait travel with the database.
 */

/** Names of members that belong to the node's own files. */
const ownMembers = ["log", "dpi"];

/** `theirs` with the members that are this node's own kept from `own` (undefined: there is none). A damaged text counts as empty. */
export function mergeCursors(own: string | undefined, theirs: string): string {
  const [here, there] = [members(own ?? ""), members(theirs)];
  const kept = ownMembers.flatMap((name) => (name in here ? [[name, here[name]] as const] : []));
  const taken = Object.entries(there).filter(([name]) => !ownMembers.includes(name));
  return `${JSON.stringify(Object.fromEntries([...taken, ...kept]))}\n`;
}

function members(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}
