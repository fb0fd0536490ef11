/** `lab-controller`: the administrator's actions, as a command line. */
import { messageOf } from "@nethsec/host/message-of";
import { randomUUID } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { faults } from "../https-server.ts";
import { dir, diskState, faultPath } from "./controller-state.ts";
import { apiPort } from "./vpn-addresses.ts";
import { authority, restartServer, stopServer } from "./vpn.ts";

const usage = `Usage: lab-controller ACTION
  add-unit NAME        draw an id for a unit that the administrator has not added yet; prints its join code
  approve UNIT         add it: certificate and address
  list                 all units, with the credentials of their registration, as JSON
  revoke UNIT          remove it, as the administrator does: its connection is cut silently
  token UNIT, info UNIT  open it through the tunnel, as the administrator does; prints the controller's answer
  subscription on|off  whether the controller has one: then only units with a subscription may join, else only units without
  move PORT            let OpenVPN listen on another UDP port
  crash                end the API and OpenVPN by SIGKILL; lab-controller-api starts both again
  restart-vpn          end OpenVPN by SIGTERM and start it again
  port PORT            the UDP port of the next start
  reinstall            a new certificate authority; units stay known
  fault WORD           misbehave: ${faults.join(", ")}
  override JSON        replace fields of what registered units are told; {} ends it
UNIT is a name or an id.`;

function idOf(which = ""): string {
  const { names } = diskState.read();
  const [, id] = Object.entries(names).find(([name, id]) => name === which || id === which) ?? [];
  if (id === undefined) throw new Error(`there is no unit "${which}"`);
  return id;
}

/** Sends a request to the running API as the administrator. */
async function ask(method: string, path: string, body?: unknown): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${apiPort}${path}`, {
    method,
    headers: { Authorization: `Bearer ${diskState.read().adminToken}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text;
}

function setPort(port = ""): number {
  const number = Number(port);
  if (!Number.isInteger(number) || number < 1 || number > 65535) throw new Error(`"${port}" is no port`);
  diskState.update((state) => ({ ...state, port: number }));
  return number;
}

const actions: Readonly<Record<string, (argument: string | undefined) => Promise<void> | void>> = {
  "add-unit": (name = "") => {
    if (name === "") throw new Error("a name is missing");
    const id = randomUUID();
    diskState.update((state) => ({ ...state, names: { ...state.names, [name]: id } }));
    const code = JSON.stringify({ fqdn: "controller.nethsec.test", token: diskState.read().token, unit_id: id });
    console.log(Buffer.from(code).toString("base64"));
  },
  approve: async (which) => void (await ask("POST", "/units", { unit_id: idOf(which) })),
  list: () => {
    const { units, credentials, ...rest } = diskState.read();
    console.log(
      JSON.stringify({ ...rest, units: units.map((unit) => ({ ...unit, registered: credentials[unit.id] })) }, null, 2),
    );
  },
  revoke: async (which) => void (await ask("DELETE", `/units/${idOf(which)}`)),
  token: async (which) => console.log(await ask("GET", `/units/${idOf(which)}/token`)),
  info: async (which) => console.log(await ask("GET", `/units/${idOf(which)}/info`)),
  subscription: (word) => {
    if (word !== "on" && word !== "off") throw new Error("it is on or off");
    diskState.update((state) => ({ ...state, subscription: word === "on" }));
  },
  move: (port) => restartServer(setPort(port)),
  crash: () => {
    process.kill(Number(readFileSync("/var/run/lab-controller-api.pid", "utf8")), "SIGKILL");
    stopServer("SIGKILL");
  },
  "restart-vpn": () => restartServer(diskState.read().port),
  port: (port) => void setPort(port),
  reinstall: () => {
    authority.forget();
    restartServer(diskState.read().port);
    for (const { id } of diskState.read().units) authority.issue(id);
  },
  fault: (word) => {
    if (!faults.some((fault) => fault === word)) throw new Error(`it is one of ${faults.join(", ")}`);
    if (word === "none") rmSync(faultPath, { force: true });
    else writeFileSync(faultPath, `${word ?? ""}\n`);
  },
  override: (json) => {
    const overrides: Record<string, unknown> = JSON.parse(json ?? "{}");
    diskState.update((state) => ({ ...state, overrides }));
  },
};

const [name = "", argument] = process.argv.slice(2);
const action = actions[name];
if (action === undefined) {
  console.error(usage);
  process.exit(2);
}
try {
  process.chdir(dir);
  await action(argument);
} catch (error) {
  console.error(`lab-controller: ${messageOf(error)}`);
  process.exit(1);
}
