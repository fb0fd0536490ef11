/** `Services` in memory, with the faults of real init scripts: slow, failing, and with meaningless exit codes. */
import type { Clock, Files, ServiceAction, Services } from "../host.ts";
import { serviceName } from "../local/local-services.ts";
import { RunError } from "../process/run-error.ts";

export interface FakeService {
  enabled: boolean;
  running: boolean;
  /** Duration of start, stop and restart, on the fake clock. */
  slowMs: number;
  /** start and restart leave it stopped, but the script reports no error. */
  broken: boolean;
  /** start, stop, restart and reload hang until their timeout. */
  hangs: boolean;
  /** Number of transitions from stopped to running, restarts included. */
  starts: number;
}

export interface FakeServices extends Services {
  /** Installs the service (with a file in /etc/init.d) or changes it; default stopped and enabled. */
  set(name: string, state?: Partial<FakeService>): FakeService;
  readonly all: ReadonlyMap<string, FakeService>;
  /** One line per service, sorted by name. */
  describe(): string[];
}

/** `called` gets "NAME ACTION" and "reload_config". */
export function fakeServices(files: Files, clock: Clock, called: (what: string) => void): FakeServices {
  const all = new Map<string, FakeService>();
  const find = (name: string): FakeService | undefined => {
    const path = `/etc/init.d/${serviceName(name)}`;
    if (!files.exists(path)) return undefined;
    const service = all.get(name) ?? {
      enabled: true,
      running: false,
      slowMs: 0,
      broken: false,
      hangs: false,
      starts: 0,
    };
    all.set(name, service);
    return service;
  };
  return {
    all,
    exists: (name) => find(name) !== undefined,
    enabled: async (name) => find(name)?.enabled ?? false,
    running: async (name) => find(name)?.running ?? false,
    call: async (name, action, options = {}) => {
      const service = find(name);
      called(`${name} ${action}`);
      const path = files.real(`/etc/init.d/${name}`);
      if (service === undefined)
        throw new RunError({
          code: "program_not_found",
          argv: [path, action],
          message: `${path} cannot be run: it does not exist`,
        });
      await takeTime(service, name, action, clock, options);
      act(service, action);
    },
    reloadConfig: async () => called("reload_config"),
    describe: () =>
      [...all.keys()]
        .toSorted()
        .map(
          (name) =>
            `service ${name} ${all.get(name)?.running === true ? "running" : "stopped"} ${all.get(name)?.enabled === true ? "enabled" : "disabled"}`,
        ),
    set: (name, state = {}) => {
      const path = `/etc/init.d/${serviceName(name)}`;
      if (!files.exists(path)) files.write(path, "#!/bin/sh\n", { mode: 0o755 });
      const service = find(name);
      if (service === undefined) throw new Error(`${path} was not made`);
      return Object.assign(service, state);
    },
  };
}

async function takeTime(
  service: FakeService,
  name: string,
  action: ServiceAction,
  clock: Clock,
  options: { timeoutMs?: number; signal?: AbortSignal },
): Promise<void> {
  options.signal?.throwIfAborted();
  if (action === "enable" || action === "disable") return;
  const timeoutMs = options.timeoutMs ?? 60_000;
  if (!service.hangs && service.slowMs < timeoutMs) {
    if (service.slowMs > 0) await clock.sleep(service.slowMs, options.signal);
    return;
  }
  await clock.sleep(timeoutMs, options.signal);
  throw new RunError({
    code: "program_timed_out",
    argv: [`/etc/init.d/${name}`, action],
    message: `/etc/init.d/${name} ${action} did not end within ${timeoutMs / 1000} s and was killed`,
  });
}

function act(service: FakeService, action: ServiceAction): void {
  switch (action) {
    case "start":
      if (!service.running && !service.broken) service.starts += 1;
      service.running ||= !service.broken;
      return;
    case "restart":
      if (!service.broken) service.starts += 1;
      service.running = !service.broken;
      return;
    case "stop":
      service.running = false;
      return;
    case "enable":
      service.enabled = true;
      return;
    case "disable":
      service.enabled = false;
      return;
    case "reload":
      return;
  }
}
