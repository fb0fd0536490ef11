/** rpcd plugin `ns.backup`: local and remote backups, for NethSecurity's web interface (contract ns-plug 1). */
import type { Call, RunCommand } from "@nethsec/host/command/command";
import { NethsecError } from "@nethsec/host/error";
import { rpcdMethod, runRpcd, ValidationError } from "@nethsec/host/rpcd";
import * as v from "valibot";
import { deleteBackup, downloadBackup, listBackups } from "../backup/remote-backup.ts";
import { decryptFile } from "../backup/encrypt.ts";
import { isEncrypting, passphrasePath } from "../backup/passphrase.ts";
import { sendBackup } from "../backup/send-backup.ts";
import { requireSubscription } from "../portal/required-subscription.ts";

const none = v.object({});
const timeoutMs = 600_000;
const maxArchiveBytes = 64 * 1024 * 1024;

/** A private folder for the time of `work`; nothing of it stays. */
async function inPrivateFolder<Result>({ host }: Call, work: (dir: string) => Promise<Result>): Promise<Result> {
  const dir = `/tmp/ns-backup.${host.random.text(12)}`;
  host.files.mkdir(dir, { mode: 0o700 });
  try {
    return await work(dir);
  } finally {
    host.files.remove(dir, { recursive: true });
  }
}

async function restoreArchive(call: Call, path: string, passphrase: string | undefined): Promise<void> {
  const { host } = call;
  let archive = path;
  if (passphrase !== undefined && passphrase !== "") {
    archive = `${path}.plain`;
    await decryptFile(host, path, archive, passphrase, call.signal);
  }
  await host.run(["sysupgrade", "-r", host.files.real(archive)], { timeoutMs, signal: call.signal });
}

const plugin = {
  name: "ns.backup",
  methods: [
    rpcdMethod({
      name: "backup",
      example: {},
      args: none,
      run: (_, call) =>
        inPrivateFolder(call, async (dir) => {
          const path = `${dir}/backup.tar.gz`;
          await call.host.run(["sysupgrade", "-k", "-b", call.host.files.real(path)], {
            timeoutMs,
            signal: call.signal,
          });
          if ((call.host.files.stat(path)?.size ?? 0) > maxArchiveBytes)
            throw new NethsecError({
              code: "backup_too_large",
              message: "The backup is too large for the web interface.",
            });
          return { backup: Buffer.from(call.host.files.readBytes(path) ?? []).toString("base64") };
        }),
    }),
    rpcdMethod({
      name: "restore",
      example: { backup: "H4sI...", passphrase: "" },
      args: v.object({ backup: v.pipe(v.string(), v.base64("invalid_backup")), passphrase: v.optional(v.string()) }),
      run: ({ backup, passphrase }, call) =>
        inPrivateFolder(call, async (dir) => {
          call.host.files.write(`${dir}/backup`, Buffer.from(backup, "base64"), { mode: 0o600 });
          await restoreArchive(call, `${dir}/backup`, passphrase);
          return { message: "success" };
        }),
    }),
    rpcdMethod({
      name: "set-passphrase",
      example: { passphrase: "secret" },
      args: v.object({ passphrase: v.string() }),
      run: ({ passphrase }, { host }) => {
        if (/[\n\r\0]/.test(passphrase))
          throw new ValidationError([{ parameter: "passphrase", value: "", message: "invalid_passphrase" }]);
        if (passphrase === "") host.files.remove(passphrasePath);
        else host.files.write(passphrasePath, `${passphrase}\n`, { mode: 0o600 });
        return { message: "success" };
      },
    }),
    rpcdMethod({
      name: "is-passphrase-set",
      example: {},
      args: none,
      run: (_, { host }) => ({ values: { set: isEncrypting(host) } }),
    }),
    rpcdMethod({
      name: "registered-list-backups",
      example: {},
      args: none,
      run: async (_, call) => ({ values: { backups: await listBackups(call.host, requireSubscription(call)) } }),
    }),
    rpcdMethod({
      name: "registered-backup",
      example: {},
      args: none,
      run: async (_, call) => {
        const outcome = await sendBackup(call.host, requireSubscription(call), true, call.signal);
        return { message: "success", file: outcome.sent ? outcome.name : "" };
      },
    }),
    rpcdMethod({
      name: "registered-download-backup",
      example: { file: "backup.tar.gz" },
      args: v.object({ file: v.string() }),
      run: ({ file }, call) =>
        inPrivateFolder(call, async (dir) => {
          await downloadBackup(call.host, requireSubscription(call), file, { file: `${dir}/backup` }, call.signal);
          return { backup: Buffer.from(call.host.files.readBytes(`${dir}/backup`) ?? []).toString("base64") };
        }),
    }),
    rpcdMethod({
      name: "registered-restore",
      example: { file: "backup.tar.gz", passphrase: "" },
      args: v.object({ file: v.string(), passphrase: v.optional(v.string()) }),
      run: ({ file, passphrase }, call) =>
        inPrivateFolder(call, async (dir) => {
          await downloadBackup(call.host, requireSubscription(call), file, { file: `${dir}/backup` }, call.signal);
          await restoreArchive(call, `${dir}/backup`, passphrase);
          return { message: "success" };
        }),
    }),
    rpcdMethod({
      name: "registered-delete-backup",
      example: { file: "backup.tar.gz" },
      args: v.object({ file: v.string() }),
      run: async ({ file }, call) => {
        await deleteBackup(call.host, requireSubscription(call), file);
        return { message: "success" };
      },
    }),
  ],
};

export const run: RunCommand = (call) => runRpcd(plugin, call);
