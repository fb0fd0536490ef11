/**
 * `--trace`: prints each step on stderr as it happens, like `sh -x`. Shows arguments but never standard input, which may hold secrets.
 */
import type { Call, RunCommand } from "@nethsec/host/command/command";
import type { Host } from "@nethsec/host/host";

/** Wraps an action: with `--trace` its host logs every step. */
export function traced(run: RunCommand): RunCommand {
  return (call) => run(call.options["trace"] === true ? { ...call, host: tracingHost(call) } : call);
}

function tracingHost(call: Call): Host {
  const { host } = call;
  const tell = (text: string): void => call.io.err(`+ ${text}\n`);
  const run = Object.assign(
    ((argv, options) => {
      tell(argv.join(" "));
      return host.run(argv, options);
    }) satisfies (...args: Parameters<Host["run"]>) => ReturnType<Host["run"]>,
    {
      spawn: ((argv, options) => {
        tell(argv.join(" "));
        return host.run.spawn(argv, options);
      }) satisfies Host["run"]["spawn"],
    },
  );
  return {
    files: {
      ...host.files,
      write: (path, data, options) => {
        tell(`write ${path} (${data.length} bytes)`);
        host.files.write(path, data, options);
      },
      remove: (path, options) => {
        tell(`remove ${path}`);
        host.files.remove(path, options);
      },
    },
    run,
    services: {
      ...host.services,
      call: (name, action, options) => {
        tell(`/etc/init.d/${name} ${action}`);
        return host.services.call(name, action, options);
      },
      reloadConfig: () => {
        tell("reload_config");
        return host.services.reloadConfig();
      },
    },
    uci: tracingUci(host, tell),
    cron: host.cron,
    net: host.net,
    system: host.system,
    clock: host.clock,
    random: host.random,
    log: host.log,
  };
}

function tracingUci(host: Host, tell: (text: string) => void): Host["uci"] {
  const { uci } = host;
  return {
    load: (name) => uci.load(name),
    read: (name) => uci.read(name),
    names: () => uci.names(),
    setState: (...args) => uci.setState(...args),
    readState: (name) => uci.readState(name),
    fingerprint: (names) => uci.fingerprint(names),
    change: (work) => {
      const changed = uci.change(work);
      for (const name of changed) tell(`uci commit ${name}`);
      return changed;
    },
  };
}
