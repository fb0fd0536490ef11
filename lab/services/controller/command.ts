/** `lab-controller`: what the controller's administrator does. */
import { messageOf } from "@nethsec/host/message-of";
import { randomBytes, randomUUID } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { faults } from "../https-server.ts";
import { dir, faultPath, readController, updateController, updateUnit, type Unit } from "./controller-state.ts";
import { forgetAuthority, issue, restartServer, revoke } from "./vpn.ts";

const usage = `Usage: lab-controller ACTION
  add-unit NAME        make a unit; prints its join code
  approve UNIT         let it in
  list                 all units, as JSON
  revoke UNIT          revoke its certificate and take the approval back
  move PORT            let OpenVPN listen on another UDP port
  reinstall            a new certificate authority; units stay known
  fault WORD           misbehave: ${faults.join(", ")}
  override JSON        replace fields of what registered units are told; {} ends it
UNIT is a name or an id.`;

function unitOf(which: string | undefined): Unit {
  const unit = readController().units.find(({ id, name }) => id === which || name === which);
  if (unit === undefined) throw new Error(`there is no unit "${which ?? ""}"`);
  return unit;
}

const actions: Readonly<Record<string, (argument: string | undefined) => void>> = {
  "add-unit": (name) => {
    if (name === undefined || name === "") throw new Error("a name is missing");
    const unit: Unit = {
      id: randomUUID(),
      name,
      token: randomBytes(24).toString("hex"),
      approved: false,
      revoked: false,
    };
    updateController((state) => ({ ...state, units: [...state.units, unit] }));
    console.log(
      Buffer.from(JSON.stringify({ fqdn: "controller.nethsec.test", token: unit.token, unit_id: unit.id })).toString(
        "base64",
      ),
    );
  },
  approve: (which) => {
    const { id } = unitOf(which);
    issue(id, "client");
    updateUnit(id, (unit) => ({ ...unit, approved: true, revoked: false }));
  },
  list: () => console.log(JSON.stringify(readController(), null, 2)),
  revoke: (which) => {
    const { id } = unitOf(which);
    updateUnit(id, (unit) => ({ ...unit, approved: false, revoked: true }));
    revoke(id);
    restartServer();
  },
  move: (port) => {
    const number = Number(port);
    if (!Number.isInteger(number) || number < 1 || number > 65535) throw new Error(`"${port ?? ""}" is no port`);
    updateController((state) => ({ ...state, port: number }));
    restartServer();
  },
  reinstall: () => {
    forgetAuthority();
    restartServer();
    for (const { id, approved } of readController().units) if (approved) issue(id, "client");
  },
  fault: (word) => {
    if (!faults.some((fault) => fault === word)) throw new Error(`it is one of ${faults.join(", ")}`);
    if (word === "none") rmSync(faultPath, { force: true });
    else writeFileSync(faultPath, `${word ?? ""}\n`);
  },
  override: (json) => {
    const overrides: Record<string, unknown> = JSON.parse(json ?? "{}");
    updateController((state) => ({ ...state, overrides }));
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
  action(argument);
} catch (error) {
  console.error(`lab-controller: ${messageOf(error)}`);
  process.exit(1);
}
