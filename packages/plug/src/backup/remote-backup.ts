/**
 * The backups that the portal keeps for this machine (contract ns-plug 3): list, download, upload, delete. Files are streamed.
 * Invariants: a file name is one path component; the credentials never reach another host; a download to a file is complete or absent.
 */
import { NethsecError } from "@nethsec/host/error";
import { HttpError, httpRequest, type HttpHost, type HttpRequest, type HttpResponse } from "@nethsec/host/http/http";
import { posix } from "node:path";
import * as v from "valibot";
import type { Subscription } from "../config.ts";

const listTimeoutMs = 60_000;
/** For 2 GB over a slow line. */
const transferTimeoutMs = 3 * 3600_000;
/** While not a byte moves. What is on its way in buffers needs some of it on a slow line: 4 MB at 35 kB/s. */
const idleMs = 120_000;

const namesAdvice = "`remote-backup list | jq -r '.[].file'` prints the names.";

const listSchema = v.array(v.looseObject({ file: v.string() }));
export type RemoteBackup = v.InferOutput<typeof listSchema>[number];

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

/** As the portal gives it, the newest first. */
export async function listBackups(host: HttpHost, subscription: Subscription): Promise<readonly RemoteBackup[]> {
  const response = await request(host, subscription, "", { timeoutMs: listTimeoutMs });
  const list = v.safeParse(listSchema, response.json());
  if (!list.success) {
    throw new NethsecError({
      code: "bad_answer",
      message: "The portal's list of backups is not of the expected form.",
      advice: "Try again later; if it stays so, ask the portal's support.",
    });
  }
  return list.output;
}

/** To a file (0600) or a writer. */
export function downloadBackup(
  host: HttpHost,
  subscription: Subscription,
  name: string,
  download: NonNullable<HttpRequest["download"]>,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const timeoutMs = transferTimeoutMs;
  return known(
    name,
    request(host, subscription, checkedName(name), { download, timeoutMs, idleMs, retries: 0, signal }),
  );
}

/** Uploads a file of this machine under its own name. */
export async function uploadBackup(
  host: HttpHost,
  subscription: Subscription,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  await request(host, subscription, checkedName(posix.basename(path)), {
    method: "PUT",
    body: { file: path },
    timeoutMs: transferTimeoutMs,
    idleMs,
    retries: 2,
    signal,
  });
}

export async function deleteBackup(host: HttpHost, subscription: Subscription, name: string): Promise<void> {
  await known(name, request(host, subscription, checkedName(name), { method: "DELETE", timeoutMs: listTimeoutMs }));
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
