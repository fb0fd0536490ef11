/** Command line of the remote backup: `remote-backup list|download|upload|delete` and `send-backup`. */
import type { Call } from "@nethsec/host/command/command";
import { NethsecError, UsageError } from "@nethsec/host/error";
import { table } from "@nethsec/host/command/table";
import { formatBytes } from "@nethsec/host/units";
import { posix } from "node:path";
import { readPlugConfig } from "../config.ts";
import { spread } from "../cron/spread.ts";
import { requireSubscription } from "../portal/required-subscription.ts";
import { deleteBackup, downloadBackup, listBackups, uploadBackup } from "./remote-backup.ts";
import { sendBackup } from "./send-backup.ts";

/** JSON, as the documentation pipes it into jq; a table when a person looks at it. */
export async function runList(call: Call): Promise<number> {
  const list = await listBackups(call.host, requireSubscription(call));
  if (call.json || !call.io.stdoutIsTerminal) {
    call.io.out(`${JSON.stringify(list)}\n`);
    return 0;
  }
  const rows = list.map((backup) => [
    backup.file,
    typeof backup["size"] === "number" ? formatBytes(backup["size"]) : "",
  ]);
  call.io.out(
    rows.length === 0
      ? "The portal has no backup of this machine yet.\n"
      : `${table([{ title: "File" }, { title: "Size", align: "right" }], rows, call.io)}\n`,
  );
  return 0;
}

export async function runDownload(call: Call): Promise<number> {
  const subscription = requireSubscription(call);
  const { file = "", output = posix.basename(file) } = call.args;
  if (output === "-") {
    if (call.io.stdoutIsTerminal)
      throw new UsageError("an archive is no text for a terminal", "Pipe it: … - | sysupgrade -r -");
    await downloadBackup(call.host, subscription, file, { write: (chunk) => call.io.write(chunk) }, call.signal);
    return 0;
  }
  const path = posix.resolve(call.io.env["PWD"] ?? "/", output);
  const { received } = await downloadBackup(call.host, subscription, file, { file: path }, call.signal);
  call.io.out(
    call.json ? `${JSON.stringify({ file: path, bytes: received })}\n` : `${path}: ${formatBytes(received)}\n`,
  );
  return 0;
}

export async function runUpload(call: Call): Promise<number> {
  const path = posix.resolve(call.io.env["PWD"] ?? "/", call.args["file"] ?? "");
  if (call.host.files.stat(path, { follow: true })?.type !== "file") {
    throw new NethsecError({
      code: "file_not_found",
      message: `There is no file ${path}.`,
      advice: "Nothing was sent.",
    });
  }
  await uploadBackup(call.host, requireSubscription(call), path, call.signal);
  const name = posix.basename(path);
  call.io.out(call.json ? `${JSON.stringify({ uploaded: name })}\n` : `Uploaded ${name}.\n`);
  return 0;
}

export async function runDelete(call: Call): Promise<number> {
  const { file = "" } = call.args;
  await deleteBackup(call.host, requireSubscription(call), file);
  call.io.out(call.json ? `${JSON.stringify({ deleted: file })}\n` : `Deleted ${file}.\n`);
  return 0;
}

export async function runSendBackup(call: Call): Promise<number> {
  const { subscription } = readPlugConfig(call.host.uci);
  if (subscription === undefined && typeof call.options["spread"] === "string") return 0;
  await spread(call);
  const outcome = await sendBackup(call.host, requireSubscription(call), call.options["force"] === true, call.signal);
  if (call.json) call.io.out(`${JSON.stringify(outcome)}\n`);
  else if (!outcome.sent)
    call.io.out("Nothing changed since the last backup that was delivered; --force sends one all the same.\n");
  else call.io.out(`Sent ${outcome.name}${outcome.encrypted ? " (encrypted)" : ""}.\n`);
  return 0;
}
