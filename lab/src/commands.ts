/** Command table of `lab/lab`; implementations are in commands/. main.ts removes `--name` before the table is used. */
import type { Arg, Command } from "@nethsec/host/command/command";
import { program as lab } from "./lab-name.ts";
import { nodeNames } from "./topology.ts";

const node: Arg = { name: "node", summary: `one of ${nodeNames.join(", ")}` };
const device: Arg = {
  name: "interface",
  summary: "a device (eth0) or the network it leads to (lan, lan2, wan, wan2, net)",
};
const program: Arg = { name: "process", summary: "name of a program that runs there" };
const folder: Arg = { name: "path", summary: "a folder on the node" };

const actions: readonly Command[] = [
  {
    name: "up",
    summary: "start the lab, or whatever of it is not running",
    description:
      "The first time the Debian packages it needs are installed; their services are not started on this machine.",
    options: [
      { name: "wan", value: "static|dhcp", summary: "how the primary gets its WAN addresses (default static)" },
      { name: "keep", summary: "when it fails, leave what was started" },
    ],
    examples: [
      [`${lab} up`, "start the lab"],
      [`${lab} --name second up --wan dhcp`, "a second lab beside it, WAN addresses by DHCP"],
    ],
    withoutHost: true,
    load: async () => ({ run: (await import("./commands/power.ts")).up }),
  },
  {
    name: "down",
    summary: "end the lab; nothing of it is left",
    options: [{ name: "all", summary: "every lab on this machine" }],
    examples: [[`${lab} down`, "end the lab"]],
    withoutHost: true,
    load: async () => ({ run: (await import("./commands/power.ts")).down }),
  },
  {
    name: "status",
    summary: "nodes, addresses, faults, memory",
    examples: [[`${lab} status`, "what is running"]],
    withoutHost: true,
    load: async () => ({ run: (await import("./commands/look.ts")).status }),
  },
  {
    name: "list",
    summary: "labs and scenarios there are",
    examples: [[`${lab} list`, "labs and scenarios"]],
    withoutHost: true,
    load: async () => ({ run: (await import("./commands/look.ts")).list }),
  },
  {
    name: "exec",
    textOnly: true,
    summary: "run a program on a node",
    args: [node, { name: "command", summary: "the program and its arguments, after --", variadic: true }],
    examples: [[`${lab} exec client1 -- curl -s http://www.example.com/`, "fetch a page through the firewall"]],
    withoutHost: true,
    load: async () => ({ run: (await import("./commands/enter.ts")).exec }),
  },
  {
    name: "shell",
    textOnly: true,
    summary: "a shell on a node",
    args: [node],
    examples: [[`${lab} shell primary`, "log in"]],
    withoutHost: true,
    load: async () => ({ run: (await import("./commands/enter.ts")).shell }),
  },
  {
    name: "logs",
    summary: "what a node logged; without a node, all of them in order",
    args: [{ ...node, optional: true }],
    options: [
      { name: "follow", short: "f", summary: "go on with what comes" },
      { name: "boot", summary: "the output of its boot script instead" },
    ],
    examples: [[`${lab} logs primary -f`, "follow the primary's log"]],
    withoutHost: true,
    load: async () => ({ run: (await import("./commands/look.ts")).logs }),
  },
  {
    name: "cut",
    summary: "pull a cable out",
    args: [node, device],
    examples: [[`${lab} cut primary lan`, "pull the primary's LAN cable"]],
    withoutHost: true,
    load: async () => ({ run: (await import("./commands/fault.ts")).cut }),
  },
  {
    name: "heal",
    summary: "put a cable back; without arguments, all of them, and end losses and partitions",
    args: [
      { ...node, optional: true },
      { ...device, optional: true },
    ],
    examples: [[`${lab} heal primary lan`, "put the LAN cable back"]],
    withoutHost: true,
    load: async () => ({ run: (await import("./commands/fault.ts")).heal }),
  },
  {
    name: "loss",
    summary: "lose a part of the frames on a cable, both ways",
    args: [node, device, { name: "percent", summary: "0 to 100; 0 ends it" }],
    examples: [[`${lab} loss backup lan 30`, "lose 30% of the frames"]],
    withoutHost: true,
    load: async () => ({ run: (await import("./commands/fault.ts")).loss }),
  },
  {
    name: "partition",
    summary: "two nodes no longer hear each other, all others hear both",
    args: [
      { ...node, optional: true },
      { ...node, name: "other", optional: true },
    ],
    examples: [[`${lab} partition`, `primary and backup; end it with: ${lab} heal`]],
    withoutHost: true,
    load: async () => ({ run: (await import("./commands/fault.ts")).partition }),
  },
  {
    name: "kill",
    summary: "cut a node's power, or kill one program on it",
    args: [node, { ...program, optional: true }],
    examples: [
      [`${lab} kill primary`, "everything on it dies at once; its disk is kept"],
      [`${lab} kill primary keepalived`, "only keepalived dies (-9)"],
    ],
    withoutHost: true,
    load: async () => ({ run: (await import("./commands/power.ts")).kill }),
  },
  {
    name: "boot",
    summary: "power a node on again",
    args: [node],
    examples: [[`${lab} boot primary`, "power on"]],
    withoutHost: true,
    load: async () => ({ run: (await import("./commands/power.ts")).boot }),
  },
  {
    name: "pause",
    summary: "freeze a program on a node",
    args: [node, program],
    examples: [[`${lab} pause primary keepalived`, "freeze it"]],
    withoutHost: true,
    load: async () => ({ run: (await import("./commands/fault.ts")).pause }),
  },
  {
    name: "resume",
    summary: "let a frozen program go on",
    args: [node, program],
    examples: [[`${lab} resume primary keepalived`, "go on"]],
    withoutHost: true,
    load: async () => ({ run: (await import("./commands/fault.ts")).resume }),
  },
  {
    name: "fill-disk",
    summary: "fill the file system that holds a path",
    args: [node, folder],
    options: [{ name: "free", summary: "free it again" }],
    examples: [[`${lab} fill-disk backup /tmp`, "no byte is left in /tmp"]],
    withoutHost: true,
    load: async () => ({ run: (await import("./commands/fault.ts")).fillDisk }),
  },
  {
    name: "clock",
    summary: "set a node's clocks forward or back, from its next boot on",
    args: [node, { name: "seconds", summary: "e.g. 3600, or behind: -- -3600; 0 ends it" }],
    options: [{ name: "monotonic", summary: "the time since power-on instead of the wall clock" }],
    examples: [[`${lab} clock backup 3600`, `an hour ahead; then: ${lab} kill backup, ${lab} boot backup`]],
    withoutHost: true,
    load: async () => ({ run: (await import("./commands/fault.ts")).clock }),
  },
  {
    name: "probe",
    summary: "measure outages: ping every 10 ms, a TCP stream through NAT, DNS, web pages",
    options: [
      { name: "from", value: "NODE", summary: "who asks (default client1)" },
      { name: "to", value: "ADDRESS", summary: "what is pinged (default its gateway)" },
      { name: "seconds", value: "N", summary: "how long (default: until Ctrl-C)" },
    ],
    examples: [[`${lab} probe --from client1 --to 192.168.100.240 --seconds 20`, "watch the virtual address"]],
    withoutHost: true,
    load: async () => ({ run: (await import("./commands/measure.ts")).probe }),
  },
  {
    name: "scenario",
    summary: "play a story: faults, and what must happen",
    args: [{ name: "scenario", summary: `its name; ${lab} list shows them` }],
    examples: [[`${lab} scenario keepalived-classic`, "the baseline: keepalived alone"]],
    withoutHost: true,
    load: async () => ({ run: (await import("./commands/measure.ts")).scenario }),
  },
  {
    name: "demo",
    summary: "from factory settings to a cluster that survives a power cut, in half a minute",
    options: [
      { name: "keep", summary: "leave the lab running, with what to type next" },
      { name: "record", value: "FILE", summary: "write the failover as an SVG picture" },
    ],
    examples: [[`${lab} demo --keep`, "play it, and look around afterwards"]],
    withoutHost: true,
    load: async () => ({ run: (await import("./commands/demo.ts")).demo }),
  },
];

export const commands: readonly Command[] = [
  {
    name: lab,
    summary: "virtual firewalls on one machine: a rehearsal stage and test bench",
    description:
      "Two firewalls, hosts behind them, a provider and its servers, each in namespaces of its own over this machine's programs; nothing outside is touched. Every command takes --name NAME (default lab), so that labs run side by side. Root's password on every node is Nethesis,1234.",
    actions,
    examples: [
      [`${lab} up`, "start the lab"],
      [`${lab} shell primary`, "log in to the primary firewall"],
    ],
  },
];
