/** The exports of all packages, split into the files that config_load reads. */
import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const program = `${import.meta.dirname}/../rootfs/usr/libexec/lab/split-packages.awk`;

test("each package is a file of its own, also where a value looks like the head of another", () => {
  const dhcp = "package dhcp\n\nconfig dnsmasq\n\toption domain 'it'\\''s\n\npackage network\n\nend'\n\n";
  const network = "package network\n\nconfig interface 'lan'\n\toption device 'br-lan'\n\n";
  const folder = mkdtempSync(join(tmpdir(), "split-"));
  try {
    const sums = join(folder, ".md5");
    const script = 'printf "%s" "$2" >"$3"; printf "%s" "$4" | awk -v folder="$5" -f "$1" "$3" -';
    const child = Bun.spawnSync([
      "sh",
      "-c",
      script,
      "sh",
      program,
      "aaa  /etc/config/dhcp\nbbb  /etc/config/network\n",
      sums,
      `${dhcp}${network}package gone\n\n`,
      folder,
    ]);
    expect(child.stderr.toString()).toBe("");
    expect(readdirSync(folder).toSorted()).toEqual([".md5", "dhcp", "network"]);
    expect(readFileSync(join(folder, "dhcp"), "utf8")).toBe(`# aaa\n${dhcp}`);
    expect(readFileSync(join(folder, "network"), "utf8")).toBe(`# bbb\n${network}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
