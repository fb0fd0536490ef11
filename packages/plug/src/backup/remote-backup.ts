/**
 * The backups that the portal keeps for this machine (contract ns-plug 3): list, download, upload, delete. Files are streamed.
 * Invariants: a file name is one path component; the credentials never reach another host; a download to a file is complete or absent.
 */
import { NethsecError } from "@nethsec/host/error";
import {
  HttpError,
  httpRequest,
  type HttpHost as HttpMachine,
  type HttpRequest,
  type HttpResponse,
} from "@nethsec/host/http/http";
import type { Host } from "@nethsec/host/host";
import { posix } from "node:path";
import * as v from "valibot";
import type { Subscription } from "../config.ts";
import { copyBackup } from "../portal/second-portal.ts";

type HttpHost = HttpMachine & Pick<Host, "log">;

const listTimeoutMs = 60_000;
/** Enough for 2 GB over a slow line. */
const transferTimeoutMs = 3 * 3600_000;
/** Limit of the time without progress. Data already in send buffers needs that long on a slow line: 4 MB at 35 kB/s. */
const idleMs = 120_000;

const namesAdvice = "`remote-backup list | jq -r '.[].file'` prints the names.";

/**
 * Version 2 of the backup server answers `{"backups": [{id, name, created, size, mimetype}]}` and identifies a backup by its `id`; earlier versions
 * answered `[{file, name, …}]` and identified it by `file` (test-data/contracts/portal.json, backup_list_answer).
 */
const listSchema = v.union([
  v.looseObject({ backups: v.array(v.looseObject({ id: v.string() })) }),
  v.array(v.looseObject({ file: v.string() })),
]);

/** Common form of both versions' entries; further members are passed through. */
export interface RemoteBackup {
  /** The handle for download and delete. */
  readonly id: string;
  /** The same value, under the name that the documentation's commands use. */
  readonly file: string;
  /** File name at the server. */
  readonly name: string;
  /** Seconds since 1970; undefined when the server does not send it. */
  readonly created: string | number | undefined;
  /** Bytes. */
  readonly size: number | undefined;
  readonly mimetype: string;
  readonly [further: string]: unknown;
}

function request(
  host: HttpHost,
  subscription: Subscription,
  name: string,
  options: Omit<HttpRequest, "url" | "basic">,
): Promise<HttpResponse> {
  return httpRequest(
    {
      ...options,
      url: `${subscription.backupUrl}/${subscription.plan}/api/v2/backup/${encodeURIComponent(name)}`,
      basic: { user: subscription.systemId, password: subscription.secret },
    },
    host,
  );
}

/** Names of encrypted backups end in .gpg at every version of the server. */
const mimetypeOf = (name: string): string => (name.endsWith(".gpg") ? "application/octet-stream" : "application/gzip");

function remoteBackup(id: string, entry: Readonly<Record<string, unknown>>): RemoteBackup {
  const { name = id, created, size, mimetype } = entry;
  const called = typeof name === "string" ? name : id;
  return {
    ...entry,
    id,
    file: id,
    name: called,
    created: typeof created === "string" || typeof created === "number" ? created : undefined,
    size: typeof size === "number" ? size : undefined,
    mimetype: typeof mimetype === "string" ? mimetype : mimetypeOf(called),
  };
}

/** The newest first. */
export async function listBackups(
  host: HttpHost,
  subscription: Subscription,
  timeoutMs = listTimeoutMs,
): Promise<readonly RemoteBackup[]> {
  const response = await request(host, subscription, "", { timeoutMs });
  const list = v.safeParse(listSchema, response.json());
  if (!list.success) {
    throw new NethsecError({
      code: "bad_answer",
      message: "The portal's list of backups is not of the expected form.",
      advice: "Try again later; if it stays so, ask the portal's support.",
    });
  }
  const backups = Array.isArray(list.output)
    ? list.output.map((entry) => remoteBackup(entry.file, entry))
    : list.output.backups.map((entry) => remoteBackup(entry.id, entry));
  return backups.toSorted((a, b) => Number(b.created ?? 0) - Number(a.created ?? 0));
}

/** Downloads to a file (0600) or a writer. Throws when the backup is larger than `maxBytes` (default: no limit). */
export function downloadBackup(
  host: HttpHost,
  subscription: Subscription,
  name: string,
  download: NonNullable<HttpRequest["download"]>,
  options: { readonly signal: AbortSignal; readonly maxBytes?: number },
): Promise<HttpResponse> {
  const timeoutMs = transferTimeoutMs;
  return known(
    name,
    request(host, subscription, checkedName(name), { download, timeoutMs, idleMs, retries: 0, ...options }),
  );
}

/** Uploads a local file under its own name. With an enterprise subscription an encrypted file is copied to the second portal as well. */
export async function uploadBackup(
  host: HttpHost,
  subscription: Subscription,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const name = checkedName(posix.basename(path));
  await request(host, subscription, name, {
    method: "PUT",
    body: { file: path },
    timeoutMs: transferTimeoutMs,
    idleMs,
    retries: 2,
    signal,
  });
  if (name.endsWith(".gpg")) await copyBackup(host, subscription, path, signal);
}

/** Returns the server's answer; an empty body means success. */
export async function deleteBackup(
  host: HttpHost,
  subscription: Subscription,
  name: string,
  timeoutMs = listTimeoutMs,
): Promise<Readonly<Record<string, unknown>>> {
  const response = await known(name, request(host, subscription, checkedName(name), { method: "DELETE", timeoutMs }));
  const answer = response.text().trim();
  const parsed = v.safeParse(v.record(v.string(), v.unknown()), answer === "" ? {} : response.json());
  return { result: "success", ...(parsed.success ? parsed.output : {}) };
}

async function known<Answer>(name: string, answer: Promise<Answer>): Promise<Answer> {
  return answer.catch((cause: unknown) => {
    if (!(cause instanceof HttpError) || cause.status !== 404) throw cause;
    throw new NethsecError({
      code: "no_such_backup",
      message: `The portal has no backup "${name}" of this machine.`,
      advice: namesAdvice,
      cause,
    });
  });
}

function checkedName(name: string): string {
  if (/^[^/\\\0]+$/.test(name) && name !== "." && name !== ".." && name.length <= 255) return name;
  throw new NethsecError({
    code: "bad_backup_name",
    message: `"${name}" is not the name of a backup.`,
    advice: namesAdvice,
  });
}
