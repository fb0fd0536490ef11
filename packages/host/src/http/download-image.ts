/**
 * Downloads the firmware image from the repository (`ns-download`): the newest release or the running version, verified against the release's list of
 * SHA-256. Layout of the repository: BASE/latest_release, BASE/VERSION/targets/BOARD/{sha256sums,nethsecurity-VERSION-BOARD-….img.gz}. BASE may
 * contain the machine's credentials (https://user:password@host/…). Contract: test-data/contracts/commands.json, /usr/bin/ns-download.
 * Invariant: the path returned holds a complete and verified image; after a failure nothing is left in /tmp/download.
 */
import { NethsecError } from "../error.ts";
import { digestFile } from "../files/verified-copy.ts";
import { downloadLimit } from "../files/download-limit.ts";
import type { Host } from "../host.ts";
import { httpRequest, type HttpRequest } from "./http.ts";
import { splitCredentials } from "./split-credentials.ts";

export interface DownloadOptions {
  /** The newest release instead of the running version. */
  readonly latest: boolean;
  /** Delete an earlier download first. */
  readonly force: boolean;
  readonly signal: AbortSignal;
}

type Machine = Pick<Host, "uci" | "files" | "clock" | "random" | "system">;

const folder = "/tmp/download";
const textTimeoutMs = 20_000;
const maxTextBytes = 1024 ** 2;
const imageTimeoutMs = 1_800_000;
/** Abort after this time without a byte transferred. */
const imageIdleMs = 60_000;

/** Returns the image's path. Throws `repository_not_configured`, `image_not_in_repository`, `image_damaged`, and HTTP errors. */
export async function downloadImage(host: Machine, options: DownloadOptions): Promise<string> {
  if (options.force) host.files.remove(folder, { recursive: true });
  try {
    return await fetchVerified(host, options);
  } catch (error) {
    host.files.remove(folder, { recursive: true });
    throw error;
  }
}

async function fetchVerified(host: Machine, options: DownloadOptions): Promise<string> {
  const { url: base, basic, board, version: running } = repositoryOf(host);
  const common: Pick<HttpRequest, "basic" | "signal"> = {
    signal: options.signal,
    ...(basic === undefined ? {} : { basic }),
  };
  const get = async (url: string): Promise<string> =>
    (await httpRequest({ ...common, url, timeoutMs: textTimeoutMs, maxBytes: maxTextBytes }, host)).text();
  const version = options.latest ? (await get(`${base}/latest_release`)).trim() : running;
  if (!/^[A-Za-z0-9][A-Za-z0-9._~+-]*$/.test(version))
    throw notThere(`the repository's latest_release is ${JSON.stringify(version.slice(0, 60))}`);
  const name = `nethsecurity-${version}-${board.replaceAll("/", "-")}-generic-squashfs-combined-efi.img.gz`;
  const target = `${base}/${version}/targets/${board}`;
  const expected = listedDigest(await get(`${target}/sha256sums`), name);
  if (expected === undefined) throw notThere(`${name} is not in its sha256sums`);
  const file = `${folder}/${name}`;
  const matches = (): boolean => host.files.exists(file) && digestFile(host.files.real(file)).sha256 === expected;
  if (matches()) return file;
  host.files.mkdir(folder, { mode: 0o700 });
  host.files.write(`${folder}/sha256`, `${expected}  ${name}\n`, { mode: 0o600 });
  const maxBytes = downloadLimit(host, folder);
  const transfer = { timeoutMs: imageTimeoutMs, idleMs: imageIdleMs, maxBytes, download: { file } };
  await httpRequest({ ...common, ...transfer, url: `${target}/${name}` }, host);
  if (matches()) return file;
  throw new NethsecError({
    code: "image_damaged",
    message: `The image ${name} does not have the SHA-256 that its release lists.`,
    advice: "Try again; if it stays so, the repository is at fault: do not install that image.",
  });
}

interface Repository extends ReturnType<typeof splitCredentials> {
  readonly board: string;
  /** Version of the running system. */
  readonly version: string;
}

function repositoryOf(host: Machine): Repository {
  const configured = host.uci.read("ns-plug").get("config", "repository_url") || undefined;
  const release = host.system.osRelease();
  const board = release["OPENWRT_BOARD"];
  if (configured === undefined || !URL.canParse(configured) || board === undefined) {
    throw new NethsecError({
      code: "repository_not_configured",
      message:
        "It is not known where images come from: ns-plug.config.repository_url or the board's name in /etc/os-release is missing.",
      advice: "Give the image's file: ns-ha-config upgrade-remote /tmp/image.img.gz",
    });
  }
  return { ...splitCredentials(configured), board, version: release["VERSION"] ?? "" };
}

/** `sha256sums`: "HEX *NAME" or "HEX  NAME" a line. */
export function listedDigest(list: string, name: string): string | undefined {
  for (const line of list.split("\n")) {
    const found = /^([0-9a-f]{64})[ \t]+\*?(\S+)$/.exec(line.trim());
    if (found?.[2] === name) return found[1];
  }
  return undefined;
}

function notThere(why: string): NethsecError {
  return new NethsecError({
    code: "image_not_in_repository",
    message: `The repository has no image for this machine: ${why}.`,
    advice:
      "Check uci get ns-plug.config.repository_url, or give the image's file: ns-ha-config upgrade-remote /tmp/image.img.gz",
  });
}
