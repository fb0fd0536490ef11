/** Installs a firmware image on the backup, which has no internet access of its own: sends, verifies and tests the image first. */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import type { HaConfig } from "../cluster/config.ts";
import { sshRun } from "../ssh/ssh-link.ts";
import { uploadFile } from "../ssh/upload.ts";

const remoteImage = "/tmp/ns-ha-upgrade.img";

/** Returns once the installation has started; the node then reboots. Throws `image_file_not_found`, `upload_failed`, `image_refused`. */
export async function upgradeBackup(
  host: Pick<Host, "files" | "run">,
  config: HaConfig,
  image: string,
  signal: AbortSignal,
): Promise<void> {
  if (host.files.stat(image)?.type !== "file") {
    throw new NethsecError({
      code: "image_file_not_found",
      message: `There is no image file ${image} on this node.`,
      advice: "Without a file the latest image is downloaded: ns-ha-config upgrade-remote",
    });
  }
  await uploadFile(host, config, image, remoteImage, signal);
  const test = await sshRun(host, config, {
    key: "admin",
    command: `sysupgrade -T ${remoteImage}`,
    timeoutMs: 120_000,
    signal,
  });
  if (test.code !== 0) {
    const said = `${test.stderr}\n${test.stdout}`.trim().split("\n").pop() ?? "";
    await sshRun(host, config, { key: "admin", command: `rm -f ${remoteImage}`, timeoutMs: 10_000, signal });
    throw new NethsecError({
      code: "image_refused",
      message: `The backup node ${config.peer.address} refuses the image${said === "" ? "" : `: ${said}`}.`,
      advice: "Take the image made for that hardware.",
    });
  }
  // In the background: the installation kills every program there, including the SSH server.
  const start = `(sleep 1; sysupgrade ${remoteImage}) </dev/null >/tmp/ns-ha-upgrade.log 2>&1 &`;
  await sshRun(host, config, { key: "admin", command: start, timeoutMs: 30_000, signal });
}
