/** Actions on the services of a firewall, as its init scripts record them in /var/log/service-events. */

/** One action of an init script, and its time. */
export interface ServiceEvent {
  /** Wall clock of the host, milliseconds since 1970. */
  readonly at: number;
  readonly service: string;
  /** Argument of the init script: start, stop, reload, boot… */
  readonly action: string;
  /** Exit code of an action that ended; undefined for the begin of an action. */
  readonly ended: number | undefined;
}

/** Lines "UPTIME-MS SERVICE ACTION begin" and "… end CODE"; `booted` is when the host's uptime was 0. */
export function parseServiceEvents(text: string, booted: number): ServiceEvent[] {
  return [...text.matchAll(/^(\d+) (\S+) (\S+) (?:begin|end (\d+))$/gm)].map(([, ms, service, action, code]) => ({
    at: Math.round(booted + Number(ms)),
    service: service ?? "",
    action: action ?? "",
    ended: code === undefined ? undefined : Number(code),
  }));
}

/** Actions that have not ended, e.g. "dnsmasq start". */
export function unfinished(events: readonly ServiceEvent[]): string[] {
  const open = new Set<string>();
  for (const { service, action, ended } of events) {
    if (ended === undefined) open.add(`${service} ${action}`);
    else open.delete(`${service} ${action}`);
  }
  return [...open];
}
