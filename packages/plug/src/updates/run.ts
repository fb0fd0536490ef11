/** Command line of the system's updates: `ns-download`, `update-packages`, `distfeed-setup`. */
import type { Call } from "@nethsec/host/command/command";
import { downloadImage } from "@nethsec/host/http/download-image";
import { setUpFeeds } from "./feeds.ts";
import { updatePackages } from "./update-packages.ts";

/** `ns-download [-f] [-l]`: prints the path of the verified image. */
export async function runDownload(call: Call): Promise<number> {
  const { latest, force } = { latest: call.options["latest"] === true, force: call.options["force"] === true };
  const image = await downloadImage(call.host, { latest, force, signal: call.signal });
  call.io.out(call.json ? `${JSON.stringify({ image })}\n` : `${image}\n`);
  return 0;
}

/** Prints nothing on stdout, since no program reads it; progress goes to the log and to stderr. */
export async function runUpdatePackages({ host, io, signal }: Call): Promise<number> {
  return (await updatePackages(host, (line) => io.err(`${line}\n`), signal)) ? 0 : 1;
}

export function runFeeds({ host, io }: Call): number {
  setUpFeeds(host, io.env["VERSION"] || undefined);
  return 0;
}
