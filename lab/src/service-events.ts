/** What the services of a firewall were asked for, as its init scripts write it to /var/log/service-events. */

/** One step of a service of a firewall: what its init script was asked for, and when. */
export interface ServiceEvent {
  /** Wall clock of the host, milliseconds since 1970. */
  readonly at: number;
  readonly service: string;
  /** As the init script was called: start, stop, reload, boot… */
  readonly action: string;
  /** The exit code when the action has ended, undefined when it begins. */
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

/** What was asked for and has not ended, as "dnsmasq start". */
export function unfinished(events: readonly ServiceEvent[]): string[] {
  const open = new Set<string>();
  for (const { service, action, ended } of events) {
    if (ended === undefined) open.add(`${service} ${action}`);
    else open.delete(`${service} ${action}`);
  }
  return [...open];
}
