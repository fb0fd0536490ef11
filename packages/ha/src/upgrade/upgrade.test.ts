/** Images and packages for the backup: downloads match the release's list, and only packages that differ are installed. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { type FakeHost, fakeHost } from "@nethsec/host/testing/fake-host";
import { downloadImage, listedDigest } from "@nethsec/host/http/download-image";
import { outdated, parsePackages } from "./level-packages.ts";

const board = "x86/64";
const name = "nethsecurity-8.5-x86-64-generic-squashfs-combined-efi.img.gz";
const image = Buffer.alloc(300_000, "image");
const digest = createHash("sha256").update(image).digest("hex");
let list = "";
let served = image;
let asked: string[] = [];
let server: ReturnType<typeof Bun.serve>;

beforeAll(() => {
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const { pathname } = new URL(request.url);
      asked.push(pathname);
      if (pathname === "/stable/latest_release") return new Response("8.5\n");
      if (pathname === `/stable/8.5/targets/${board}/sha256sums`) return new Response(list);
      if (pathname === `/stable/8.5/targets/${board}/${name}`) return new Response(served);
      return new Response("no", { status: 404 });
    },
  });
});
afterAll(async () => {
  await server.stop(true);
});

function firewall(): FakeHost {
  list = `${"0".repeat(64)} *other.img.gz\n${digest} *${name}\n`;
  served = image;
  asked = [];
  return fakeHost({
    files: {
      "/etc/config/ns-plug": `config main 'config'\n\toption repository_url 'http://127.0.0.1:${server.port}/stable/'\n`,
      "/etc/os-release": `VERSION="8.5"\nOPENWRT_BOARD="${board}"\n`,
    },
  });
}
const options = { latest: true, force: false, signal: new AbortController().signal };

describe("the image", () => {
  test("is downloaded once, and verified", async () => {
    using host = firewall();
    const path = await downloadImage(host, options);
    expect(path).toBe(`/tmp/download/${name}`);
    expect(host.files.readBytes(path)).toEqual(new Uint8Array(image));
    await downloadImage(host, { ...options, latest: false });
    expect(asked.filter((each) => each.endsWith(".img.gz"))).toHaveLength(1);
    await downloadImage(host, { ...options, force: true });
    expect(asked.filter((each) => each.endsWith(".img.gz"))).toHaveLength(2);
  });

  test("with other bytes is refused, and nothing stays", async () => {
    using host = firewall();
    served = Buffer.alloc(300_000, "imagf");
    await expect(downloadImage(host, options)).rejects.toMatchObject({ code: "image_damaged" });
    await downloadImage(host, options).catch(() => undefined);
    expect(host.files.exists(`/tmp/download/${name}`)).toBe(false);
  });

  test("that the release does not list is not fetched", async () => {
    using host = firewall();
    list = "";
    await expect(downloadImage(host, options)).rejects.toMatchObject({ code: "image_not_in_repository" });
    await downloadImage(host, options).catch(() => undefined);
    expect(asked.filter((each) => each.endsWith(".img.gz"))).toEqual([]);
  });

  test("needs a repository", async () => {
    using host = fakeHost();
    await expect(downloadImage(host, options)).rejects.toMatchObject({ code: "repository_not_configured" });
  });
});

test("sha256sums in both of its forms", () => {
  const hex = "a".repeat(64);
  expect(listedDigest(`${hex} *x.img\n`, "x.img")).toBe(hex);
  expect(listedDigest(`${hex}  x.img`, "x.img")).toBe(hex);
  expect(listedDigest(`${hex}  x.img.gz`, "x.img")).toBeUndefined();
});

test("packages as opkg and apk list them; what differs is what must go", () => {
  const here = parsePackages("nethsec - 0.2.0-1\nkeepalived - 2.3.3-1\nrsync - 3.4\n");
  const there = parsePackages("nethsec 0.1.0-1\nkeepalived 2.3.3-1\n\n");
  expect(outdated(here, there)).toEqual([
    { name: "nethsec", version: "0.2.0-1" },
    { name: "rsync", version: "3.4" },
  ]);
  expect(outdated(here, here)).toEqual([]);
});
