/** Command line of the remote backup: `remote-backup list|download|upload|delete` and `send-backup`. */
import type { Call } from "@nethsec/host/command/command";
import { NethsecError, UsageError } from "@nethsec/host/error";
import { table } from "@nethsec/host/command/table";
import { formatBytes } from "@nethsec/host/units";
import { downloadLimit } from "@nethsec/host/files/download-limit";
import { posix } from "node:path";
import { readPlugConfig } from "../config.ts";
import { isEncrypting, passphrasePath } from "./passphrase.ts";
import { inPrivateFolder, restoreArchive } from "./restore.ts";
import { archiveLimit } from "./archive-limit.ts";
import { spread } from "../cron/spread.ts";
import { requireSubscription } from "../portal/required-subscription.ts";
import { deleteBackup, downloadBackup, listBackups, uploadBackup } from "./remote-backup.ts";
import { sendBackup } from "./send-backup.ts";

/** Prints JSON (the documentation pipes it into jq), or a table when standard output is a terminal. */
export async function runList(call: Call): Promise<number> {
  const list = await listBackups(call.host, requireSubscription(call));
  if (call.json || !call.io.stdoutIsTerminal) {
    call.io.out(`${JSON.stringify(list)}\n`);
    return 0;
  }
  const rows = list.map(({ file, name, size, created }) => [
    file,
    name === file ? "" : name,
    created === undefined ? "" : new Date(Number(created) * 1000).toISOString().slice(0, 16).replace("T", " "),
    size === undefined ? "" : formatBytes(size),
  ]);
  const columns = [
    { title: "File" },
    { title: "Name" },
    { title: "Made (UTC)" },
    { title: "Size", align: "right" as const },
  ];
  call.io.out(
    rows.length === 0 ? "The portal has no backup of this machine yet.\n" : `${table(columns, rows, call.io)}\n`,
  );
  return 0;
}

const restoreTimeoutMs = 600_000;

/** `remote-backup restore [FILE]`: like the documented pipeline, but restores only what gpg decrypted completely and found intact. */
export async function runRestore(call: Call): Promise<number> {
  const { host, signal, io } = call;
  const subscription = requireSubscription(call);
  const encrypted = isEncrypting(host) && call.options["plain"] !== true;
  if (!encrypted && readPlugConfig(host.uci).backup.requireEncryption) {
    throw new NethsecError({
      code: "passphrase_missing",
      message: "ns-plug.config.require_encryption is set: what is not encrypted is not restored.",
      advice: `Write the passphrase into ${passphrasePath}, or delete the option.`,
    });
  }
  const file = call.args["file"] ?? (await listBackups(host, subscription))[0]?.file;
  if (file === undefined)
    throw new NethsecError({ code: "no_such_backup", message: "The portal has no backup of this machine." });
  await inPrivateFolder(host, async (dir) => {
    const path = `${dir}/backup`;
    const maxBytes = archiveLimit(host, dir);
    await downloadBackup(host, subscription, file, { file: path }, { signal, maxBytes });
    const passphraseFile = encrypted ? passphrasePath : undefined;
    await restoreArchive(host, path, { passphraseFile, timeoutMs: restoreTimeoutMs, signal });
  });
  io.out(
    call.json
      ? `${JSON.stringify({ restored: file, encrypted })}\n`
      : `Restored ${file}${encrypted ? " (it was encrypted with this machine's passphrase)" : ""}. Restart the machine: reboot\n`,
  );
  return 0;
}

export async function runDownload(call: Call): Promise<number> {
  const subscription = requireSubscription(call);
  const { file = "", output = posix.basename(file) } = call.args;
  if (output === "-") {
    if (call.io.stdoutIsTerminal)
      throw new UsageError("an archive is no text for a terminal", "Pipe it: … - | sysupgrade -r -");
    await downloadBackup(
      call.host,
      subscription,
      file,
      { write: (chunk) => call.io.write(chunk) },
      { signal: call.signal },
    );
    return 0;
  }
  const path = posix.resolve(call.io.env["PWD"] ?? "/", output);
  const maxBytes = downloadLimit(call.host, posix.dirname(path));
  const { received } = await downloadBackup(
    call.host,
    subscription,
    file,
    { file: path },
    { signal: call.signal, maxBytes },
  );
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
