/** The `Host` of this machine. Each part is created at its first use: a small command does not pay for parts it does not need. */
import type { Host } from "../host.ts";
import { localClock } from "./local-clock.ts";
import { localCron } from "./local-cron.ts";
import { localFiles } from "../files/local-files.ts";
import { localLog } from "./local-log.ts";
import { localNet } from "./local-net.ts";
import { localRandom } from "../random.ts";
import { localRun } from "../process/local-run.ts";
import { localServices } from "./local-services.ts";
import { localSystem } from "./local-system.ts";
import { once } from "../once.ts";
import { localUciStore } from "../uci/local-store.ts";

export interface LocalHostOptions {
  /** The folder used as "/"; it must exist and its own path must contain no symbolic link. Default "/". Its programs come first in PATH. */
  readonly root?: string;
  /** Tag of the log's lines, default "nethsec". */
  readonly tag?: string;
}

export function localHost(options: LocalHostOptions = {}): Host {
  const root = options.root ?? "/";
  const files = once(() => localFiles(root));
  const run = once(() => localRun(root));
  const services = once(() => localServices(files(), run()));
  const cron = once(() => localCron(files()));
  const net = once(() => localNet(run()));
  const system = once(() => localSystem(files()));
  const uci = once(() => localUciStore(root));
  const log = once(() => localLog(options.tag ?? "nethsec", files().real("/dev/log")));
  return {
    get files() {
      return files();
    },
    get run() {
      return run();
    },
    get services() {
      return services();
    },
    get cron() {
      return cron();
    },
    get net() {
      return net();
    },
    get system() {
      return system();
    },
    get log() {
      return log();
    },
    get uci() {
      return uci();
    },
    clock: localClock,
    random: localRandom,
  };
}
