/**
 * Who changed the configuration. A file says only whose it is (root's, always), so for changes of the web interface the log of its API server is
 * asked: it logs each call with the user who made it, as NethSecurity's manual shows (NethServer/nethsecurity-docs, remote_access.rst):
 *
 *     Jun 21 09:43:19 NethSec nethsecurity-api[5376]: nethsecurity_api 2024/06/21 09:43:19 middleware.go:170: [INFO][AUTH] authorization
 *     success for user goofy. POST /api/ubus/call {"path":"ns.dashboard","method":"service-status","payload":{"service":"internet"}}
 *
 * The button that saves pending changes calls `ns.commit`, method `commit` (nethsecurity-ui, stores/standalone/uciPendingChanges). Pure.
 */
import * as v from "valibot";

/** Time, host and program are fixed, so that text inside another program's line, or inside a logged call, is not taken for a line of its own. */
const prefix = /^(?:\w{3} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) \S+ nethsecurity-api(?:\[\d+\])?: /;
const time = /nethsecurity_api (\d{4})\/(\d\d)\/(\d\d) (\d\d):(\d\d):(\d\d) \S+ /;
const success = /\[INFO\]\[AUTH\] authorization success for user (.{1,64}?)\. POST \/api\/ubus\/call (\{.*)$/;
const callLine = new RegExp(prefix.source + time.source + success.source);
const callSchema = v.object({ path: v.string(), method: v.string() });

/** The user whose commit was logged last between the two times (milliseconds since 1970); undefined: there was none. The log's times are local. */
export function committer(log: string, from: number, to: number): string | undefined {
  return log
    .split("\n")
    .flatMap((line) => {
      const [, year, month, day, hour, minute, second, user, call] = callLine.exec(line) ?? [];
      if (user === undefined || call === undefined || !isCommit(call)) return [];
      const at = new Date(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
      // The log has whole seconds.
      return at.getTime() >= from - 1000 && at.getTime() <= to ? [user] : [];
    })
    .at(-1);
}

function isCommit(call: string): boolean {
  try {
    const { path, method } = v.parse(callSchema, JSON.parse(call));
    return path === "ns.commit" && method === "commit";
  } catch {
    return false; // a line that syslog cut
  }
}
