/**
 * rpcd plugin `ns.backup`: local and remote backups, for NethSecurity's web interface (test-data/contracts/webui.json). Archives are passed as bare
 * file names: the API server serves files of its folder for downloads, and stores uploads in another folder.
 */
import type { Call, RunCommand } from "@nethsec/host/command/command";
import { NethsecError } from "@nethsec/host/error";
import { rpcdMethod, runRpcd, ValidationError } from "@nethsec/host/rpcd";
import * as v from "valibot";
import { archiveLimit } from "../backup/archive-limit.ts";
import { encryptFile } from "../backup/encrypt.ts";
import { makeArchive } from "../backup/make-archive.ts";
import { isEncrypting, passphrasePath, requirePassphrase } from "../backup/passphrase.ts";
import { deleteBackup, downloadBackup, listBackups } from "../backup/remote-backup.ts";
import { inPrivateFolder, restoreArchive } from "../backup/restore.ts";
import { sendBackup } from "../backup/send-backup.ts";
import { readPlugConfig } from "../config.ts";
import { requireSubscription } from "../portal/required-subscription.ts";
import { asWord } from "./as-word.ts";

const downloads = "/var/run/ns-api-server/downloads";
const uploads = "/var/run/ns-api-server/uploads";

const none = v.object({});
const text = v.pipe(v.string(), v.nonEmpty("required"));
const restoreArguments = { passphrase: v.nullish(v.string()) };

/** Below the web server's timeout of one minute. */
const limitMs = 50_000;
const listTimeoutMs = 20_000;
const bounded = ({ signal }: Call): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);

/** The page deletes a file after downloading it. Files that were never fetched are removed after this time, when the next one is made. */
const keepMs = 3600_000;
const namePrefix = "backup-";

/** A file name that needs no escaping in a URL and cannot be guessed. */
function newDownload({ host }: Call, suffix: string): string {
  host.files.mkdir(downloads, { mode: 0o700 });
  for (const name of host.files.list(downloads)) {
    const age = host.clock.now() - (host.files.stat(`${downloads}/${name}`)?.mtimeMs ?? 0);
    if (name.startsWith(namePrefix) && age > keepMs) host.files.remove(`${downloads}/${name}`);
  }
  return `${namePrefix}${Math.floor(host.clock.now() / 1000)}-${host.random.text(12)}${suffix}`;
}

async function backup(call: Call, encrypted: boolean): Promise<string> {
  const { host } = call;
  const options = { timeoutMs: limitMs, signal: bounded(call) };
  return inPrivateFolder(host, async (dir) => {
    const plain = `${dir}/plain.tar.gz`;
    await asWord("backup_failed", () => makeArchive(host, plain, options));
    const name = newDownload(call, encrypted ? ".tar.gz.gpg" : ".tar.gz");
    // Made in the private folder and then moved, so that files in `downloads` are always complete.
    const made = encrypted ? `${dir}/made.gpg` : plain;
    if (encrypted) {
      await asWord("encryption_failed", async () => {
        requirePassphrase(host);
        await encryptFile(host, plain, made, passphrasePath, options.signal);
      });
    }
    host.files.chmod(made, 0o600);
    host.files.rename(made, `${downloads}/${name}`);
    return name;
  });
}

const refused = (message: "decryption_failed" | "restore_failed"): ValidationError =>
  new ValidationError([{ parameter: "passphrase", value: "", message }]);

/** The page shows the error code next to the passphrase field, whatever the cause; the full message is in the log. */
async function restore(call: Call, path: string, passphrase: string): Promise<{ message: "success" }> {
  const { host } = call;
  try {
    await inPrivateFolder(host, async (dir) => {
      const passphraseFile = passphrase === "" ? undefined : `${dir}/passphrase`;
      if (passphraseFile !== undefined) host.files.write(passphraseFile, `${passphrase}\n`, { mode: 0o600 });
      await restoreArchive(host, path, { passphraseFile, timeoutMs: limitMs, signal: bounded(call) });
    });
  } catch (error) {
    if (!(error instanceof NethsecError)) throw error;
    host.log("warning", `ns.backup: ${error.message}`);
    throw refused(error.code === "restore_failed" ? "restore_failed" : "decryption_failed");
  }
  return { message: "success" };
}

/** Reboots after the answer. The API server forwards the answer only when this program has exited, so BusyBox's reboot does the waiting (-d). */
async function reboot({ host }: Call): Promise<void> {
  host.run.spawn(["reboot", "-d", "3"], { stdout: "ignore", stderr: "ignore", outlives: true });
}

const plugin = {
  name: "ns.backup",
  methods: [
    rpcdMethod({
      name: "backup",
      example: { encrypted: true },
      args: v.object({ encrypted: v.nullish(v.boolean()) }),
      run: async ({ encrypted }, call) => ({
        backup: await backup(call, isEncrypting(call.host) && encrypted !== false),
      }),
    }),
    rpcdMethod({
      name: "restore",
      example: { backup: "upload-1e20f4b3-e581-454c-9162-ca33885eb223", passphrase: "" },
      args: v.object({ backup: text, ...restoreArguments }),
      run: ({ backup: name, passphrase }, call) => {
        const path = `${uploads}/${name}`;
        if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(name) || call.host.files.stat(path)?.type !== "file")
          throw refused("restore_failed");
        return restore(call, path, passphrase ?? "");
      },
      afterwards: reboot,
    }),
    rpcdMethod({
      name: "set-passphrase",
      example: { passphrase: "secret" },
      args: v.object({ passphrase: v.string() }),
      run: async ({ passphrase }, { host }) => {
        // gpg reads the first line only.
        if (/[\n\r\0]/.test(passphrase))
          throw new ValidationError([{ parameter: "passphrase", value: "", message: "invalid_passphrase" }]);
        await asWord("passphrase_write_failed", () => {
          if (passphrase === "") host.files.remove(passphrasePath);
          else host.files.write(passphrasePath, passphrase, { mode: 0o600 });
        });
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
      run: (_, call) =>
        asWord("remote_list_failed", async () => ({
          values: { backups: await listBackups(call.host, requireSubscription(call), listTimeoutMs) },
        })),
    }),
    rpcdMethod({
      name: "registered-backup",
      example: {},
      args: none,
      run: async (_, call) => {
        const { host } = call;
        if (!isEncrypting(host) && readPlugConfig(host.uci).backup.requireEncryption)
          throw new ValidationError([{ parameter: "passphrase", value: "", message: "missing" }]);
        const words = ["backup_failed", "encryption_failed"];
        await asWord(
          "remote_upload_failed",
          () => sendBackup(host, requireSubscription(call), true, bounded(call)),
          words,
        );
        return { message: "success" };
      },
    }),
    rpcdMethod({
      name: "registered-download-backup",
      example: { file: "b7f1c2d3e4.bin" },
      args: v.object({ file: text }),
      run: ({ file }, call) =>
        asWord("remote_backup_download_failed", async () => {
          const name = newDownload(call, ".bin");
          await fetchBackup(call, file, `${downloads}/${name}`);
          return { backup: name };
        }),
    }),
    rpcdMethod({
      name: "registered-restore",
      example: { file: "b7f1c2d3e4.bin", passphrase: "" },
      args: v.object({ file: text, ...restoreArguments }),
      run: ({ file, passphrase }, call) =>
        inPrivateFolder(call.host, async (dir) => {
          // Even a forged portal cannot make this machine restore a backup that it never sent.
          if ((passphrase ?? "") === "" && readPlugConfig(call.host.uci).backup.requireEncryption)
            throw refused("decryption_failed");
          const path = `${dir}/backup`;
          await asWord("remote_backup_download_failed", () => fetchBackup(call, file, path));
          return restore(call, path, passphrase ?? "");
        }),
      afterwards: reboot,
    }),
    rpcdMethod({
      name: "registered-delete-backup",
      example: { id: "b7f1c2d3e4.bin" },
      args: v.object({ id: text }),
      run: ({ id }, call) =>
        asWord("remote_backup_delete_failed", () =>
          deleteBackup(call.host, requireSubscription(call), id, listTimeoutMs),
        ),
    }),
  ],
};

async function fetchBackup(call: Call, file: string, path: string): Promise<void> {
  const maxBytes = archiveLimit(call.host, path);
  await downloadBackup(call.host, requireSubscription(call), file, { file: path }, { signal: bounded(call), maxBytes });
}

export const run: RunCommand = (call) => runRpcd(plugin, call);
