/** Commands of the host layer, as data: an implementation is loaded when its command runs. */
import type { Command } from "@nethsec/host/command";

export const commands: readonly Command[] = [
  {
    name: "uci",
    summary: "Reads and changes the configuration packages in /etc/config",
    raw: true,
    path: "/sbin/uci",
    withoutHost: true,
    load: () => import("./uci-command.ts"),
  },
];
