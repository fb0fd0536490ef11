/** `upgrade-remote [image]` and `upgrade-remote --packages`. */
import type { Call } from "@nethsec/host/command/command";
import { downloadImage } from "@nethsec/host/http/download-image";
import { onPrimary } from "../cluster/on-primary.ts";
import { levelPackages } from "../upgrade/level-packages.ts";
import { upgradeBackup } from "../upgrade/upgrade-backup.ts";
import { asTyped, progress, succeed } from "./answer.ts";

export async function run(call: Call): Promise<number> {
  const given = call.args["image"];
  const config = onPrimary(
    call.host,
    asTyped(call, ["upgrade-remote", ...(given === undefined ? [] : [given])].join(" ")),
  );
  const { host, signal } = call;
  if (call.options["packages"] === true) {
    progress(call, `Comparing the packages with those of ${config.peer.address}…`);
    const installed = await levelPackages(host, config, signal, (text) => progress(call, text));
    const sentence =
      installed.length === 0
        ? "The backup node has the same packages already."
        : `Installed on the backup node: ${installed.join(", ")}.`;
    return succeed(call, [sentence], { installed });
  }
  if (given === undefined) progress(call, "Downloading the latest image…");
  const image = given ?? (await downloadImage(host, { latest: true, force: false, signal }));
  progress(call, `Sending ${image} to ${config.peer.address}…`);
  await upgradeBackup(host, config, image, signal);
  return succeed(
    call,
    [`The backup node ${config.peer.address} installs ${image} and restarts; see: ns-ha-config status`],
    { image },
  );
}
