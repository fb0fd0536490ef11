/**
 * Merges the cursors of the reports to the controller (/etc/ns-plug/reports.json, written by ns-plug's cursors.ts). Pure.
 * Cursors into the log and the traffic reports are positions in one node's files, so each node keeps its own. OpenVPN connections and
 * pending events are synchronised with the database.
 */

/** Members that refer to the node's own files. */
const ownMembers = ["log", "dpi"];

/** `theirs`, but with this node's own members from `own` (undefined: no file). A damaged text counts as empty. */
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
