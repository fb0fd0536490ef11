/** `lab cut`, `heal`, `loss`, `partition`, `pause`, `resume`, `fill-disk`, `clock`. */
import { UsageError } from "@nethsec/host/error";
import type { RunCommand } from "@nethsec/host/command/command";
import { nodeName } from "../topology.ts";
import { labOf, tell, typed } from "./lab-of-call.ts";

export const cut: RunCommand = async (call) => {
  const { args, io } = call;
  const node = nodeName(args["node"] ?? "");
  const device = args["interface"] ?? "";
  await labOf(io.env).cut(node, device);
  tell(call, `The ${device} cable of ${node} is out. Back in: ${typed(io.env)} heal ${node} ${device}`);
  return 0;
};

export const heal: RunCommand = async (call) => {
  const { args, io } = call;
  const node = args["node"] === undefined ? undefined : nodeName(args["node"]);
  await labOf(io.env).heal(node, args["interface"]);
  tell(
    call,
    node === undefined
      ? "All cables are in, nothing is lost."
      : `Healed: ${node} ${args["interface"] ?? "(all cables)"}.`,
  );
  return 0;
};

export const loss: RunCommand = async (call) => {
  const { args, io } = call;
  const node = nodeName(args["node"] ?? "");
  const percent = Number(args["percent"]);
  if (Number.isNaN(percent))
    throw new UsageError(`"${args["percent"] ?? ""}" is not a percentage.`, `${typed(io.env)} loss ${node} lan 30`);
  await labOf(io.env).loss(node, args["interface"] ?? "", percent);
  tell(
    call,
    percent === 0
      ? "No more losses there."
      : `${percent}% of the frames on ${node} ${args["interface"] ?? ""} are lost, each way.`,
  );
  return 0;
};

export const partition: RunCommand = async (call) => {
  const { args, io } = call;
  const one = nodeName(args["node"] ?? "primary");
  const other = nodeName(args["other"] ?? "backup");
  if (one === other)
    throw new UsageError("A node cannot be parted from itself.", `${typed(io.env)} partition primary backup`);
  await labOf(io.env).partition(one, other);
  tell(call, `${one} and ${other} no longer hear each other. End it: ${typed(io.env)} heal`);
  return 0;
};

export const pause: RunCommand = (call) => {
  const { args, io } = call;
  const node = nodeName(args["node"] ?? "");
  const program = args["process"] ?? "";
  const count = labOf(io.env).pause(node, program);
  tell(call, `Frozen: ${count} x ${program} on ${node}. Go on: ${typed(io.env)} resume ${node} ${program}`);
  return 0;
};

export const resume: RunCommand = (call) => {
  const { args, io } = call;
  const node = nodeName(args["node"] ?? "");
  const program = args["process"] ?? "";
  const count = labOf(io.env).resume(node, program);
  tell(call, `Goes on: ${count} x ${program} on ${node}.`);
  return 0;
};

export const fillDisk: RunCommand = async (call) => {
  const { args, options, io } = call;
  const lab = labOf(io.env);
  const node = nodeName(args["node"] ?? "");
  const path = args["path"] ?? "/tmp";
  if (options["free"] === true) await lab.freeDisk(node, path);
  else await lab.fillDisk(node, path);
  tell(
    call,
    options["free"] === true
      ? `Freed on ${node}: ${path}`
      : `No byte is left at ${path} on ${node}. Free it: ${typed(io.env)} fill-disk ${node} ${path} --free`,
  );
  return 0;
};

export const clock: RunCommand = (call) => {
  const { args, options, io } = call;
  const node = nodeName(args["node"] ?? "");
  const seconds = Number(args["seconds"]);
  if (!Number.isSafeInteger(seconds))
    throw new UsageError(
      `"${args["seconds"] ?? ""}" is not a number of seconds.`,
      `${typed(io.env)} clock backup 3600`,
    );
  const lab = labOf(io.env);
  const before = lab.clock(node);
  lab.setClock(node, options["monotonic"] === true ? { ...before, monotonic: seconds } : { ...before, wall: seconds });
  const which = options["monotonic"] === true ? "monotonic" : "wall";
  const offset = seconds === 0 ? "right again" : `${Math.abs(seconds)} s ${seconds > 0 ? "ahead" : "behind"}`;
  tell(
    call,
    `From its next boot on, the ${which} clock of ${node} is ${offset}: ${typed(io.env)} kill ${node}; ${typed(io.env)} boot ${node}`,
  );
  return 0;
};
