/** The system's updates (test-data/contracts/commands.json): feeds of both package managers, and upgrades one at a time. */
import { describe, expect, test } from "bun:test";
import { fakeCall } from "@nethsec/host/testing/fake-call";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { setUpFeeds } from "./feeds.ts";
import { installedVersion } from "./installed-version.ts";
import { publicRepository, repositoryWith } from "./repository.ts";
import { runFeeds, runUpdatePackages } from "./run.ts";

const release =
  'ID="nethsecurity"\nVERSION="8.7.2"\nVERSION_ID="8.7.2"\nOPENWRT_BOARD="x86/64"\nOPENWRT_ARCH="x86_64"\n';
const subscribed =
  "config main 'config'\n\toption type 'enterprise'\n\toption system_id 'id'\n\toption secret 's'\n" +
  "\toption repository_url 'https://id:s@distfeed.nethesis.it/repository/enterprise/nethsecurity'\n";

describe("distfeed-setup", () => {
  test("opkg: six feeds of the release below the repository, for root's eyes", () => {
    using host = fakeHost({
      files: { "/etc/os-release": release, "/etc/opkg/distfeeds.conf": "old", "/etc/config/ns-plug": subscribed },
    });
    const { call } = fakeCall(host);
    expect(runFeeds(call)).toBe(0);
    const root = "https://id:s@distfeed.nethesis.it/repository/enterprise/nethsecurity/8.7.2";
    expect(host.files.readText("/etc/opkg/distfeeds.conf")?.trim().split("\n")).toEqual([
      `src/gz nethsecurity_core ${root}/targets/x86/64/packages`,
      ...["base", "luci", "nethsecurity", "packages", "routing"].map(
        (feed) => `src/gz nethsecurity_${feed} ${root}/packages/x86_64/${feed}`,
      ),
    ]);
    expect(host.files.stat("/etc/opkg/distfeeds.conf")?.mode).toBe(0o600);
    runFeeds(fakeCall(host, { env: { VERSION: "9.9" } }).call);
    expect(host.files.readText("/etc/opkg/distfeeds.conf")).toContain("/nethsecurity/9.9/targets/");
  });

  test("without a subscription: the public repository of the channel", () => {
    using host = fakeHost({ files: { "/etc/os-release": release, "/etc/opkg/x": "", "/etc/repo-channel": "dev\n" } });
    setUpFeeds(host);
    expect(host.files.readText("/etc/opkg/distfeeds.conf")).toStartWith(
      "src/gz nethsecurity_core https://updates.nethsecurity.nethserver.org/dev/8.7.2/targets/",
    );
    expect(publicRepository(fakeHost())).toBe("https://updates.nethsecurity.nethserver.org/stable");
  });

  test("apk: variables, and the subscription's endpoint while there is one", () => {
    using host = fakeHost({ files: { "/etc/os-release": release, "/etc/config/ns-plug": subscribed } });
    const dir = "/etc/apk/repositories.d";
    host.files.mkdir(dir);
    setUpFeeds(host);
    expect(host.files.readText(`${dir}/99-defaults.list`)).toContain("set -default version=8.7.2\n");
    expect(host.files.readText(`${dir}/distfeeds.list`)?.trim().split("\n")).toEqual([
      "https://${endpoint}/${version}/targets/${target_arch}/packages/packages.adb",
      ...["base", "luci", "nethsecurity", "packages"].map(
        (feed) => `https://\${endpoint}/\${version}/packages/\${package_arch}/${feed}/packages.adb`,
      ),
    ]);
    expect(host.files.readText(`${dir}/01-enterprise.list`)).toEndWith(
      "set endpoint=id:s@distfeed.nethesis.it/repository/enterprise/nethsecurity\n",
    );
    host.files.write("/etc/config/ns-plug", "config main 'config'\n");
    setUpFeeds(host);
    expect(host.files.exists(`${dir}/01-enterprise.list`)).toBe(false);
  });

  test("another system's feeds are left alone", () => {
    using host = fakeHost({ files: { "/etc/os-release": 'ID="openwrt"\n', "/etc/opkg/distfeeds.conf": "its own" } });
    setUpFeeds(host);
    expect(host.files.readText("/etc/opkg/distfeeds.conf")).toBe("its own");
  });

  test("a secret with characters of URLs does not break the address", () => {
    const url = repositoryWith({ plan: "community", systemId: "id", secret: "a/b@c" });
    expect(new URL(url).hostname).toBe("distfeed.nethesis.it");
  });
});

describe("update-packages", () => {
  const lists: readonly (readonly [tool: string, path: string, list: string, upgrades: readonly string[]])[] = [
    [
      "opkg",
      "/bin/opkg",
      "ns-ui - 2.15.6-r1 - 2.15.7-r1\nlibx1-2 - 1 - 2\n",
      ["opkg upgrade ns-ui", "opkg upgrade libx1-2"],
    ],
    [
      "apk",
      "/usr/bin/apk",
      "ns-ui-2.15.7-r1 noarch {feeds/ns-ui} (GPL) [upgradable from: ns-ui-2.15.6-r1]\nlibx1-2-1.0_pre1-r3 x86_64 {x} (MIT) [upgradable from: x]\n",
      ["apk upgrade ns-ui", "apk upgrade libx1-2"],
    ],
  ];
  test.each(lists)(
    "%s: one at a time; one that fails does not stop the others, and is told",
    async (tool, path, list, upgrades) => {
      using host = fakeHost({ files: { [path]: "" } });
      let failing = "";
      host.program(tool, ({ args }) => {
        if (args.includes("list-upgradable") || args.includes("--upgradable")) return list;
        return { code: args[1] === failing ? 1 : 0, stdout: `${args.join(" ")} done\n` };
      });
      const good = fakeCall(host);
      expect(await runUpdatePackages(good.call)).toBe(0);
      expect(host.calls.filter((line) => line.includes("upgrade "))).toEqual([...upgrades]);
      expect(good.output.err).toEndWith("Update successful\n");
      expect(good.output.out).toBe("");
      expect(host.logged.at(-1)).toBe("update-packages info: Update successful");
      failing = "ns-ui";
      const bad = fakeCall(host);
      expect(await runUpdatePackages(bad.call)).toBe(1);
      expect(bad.output.err).toEndWith("Failed to upgrade 1 package\n");
      expect(host.calls.filter((line) => line.includes("upgrade "))).toHaveLength(4);
    },
  );

  test("without lists nothing is upgraded", async () => {
    using host = fakeHost({ programs: { opkg: () => ({ code: 1, stderr: "wget: no address\n" }) } });
    const { call, output } = fakeCall(host);
    expect(await runUpdatePackages(call)).toBe(1);
    expect(output.err).toBe("wget: no address\nFailed to update metadata\n");
    expect(host.calls).toEqual(["opkg update"]);
  });
});

test("the version of an installed package, from either package manager's records", () => {
  using host = fakeHost({
    files: {
      "/usr/lib/opkg/status": "Package: a\nVersion: 1\n\nPackage: ns-api\nDepends: a\nVersion: 3.5.2-r1\n",
      "/lib/apk/db/installed": "C:x\nP:b\nV:2-r0\nA:x86_64\n\nP:c\nV:3\n",
    },
  });
  expect(["ns-api", "b", "none"].map((name) => installedVersion(host, name))).toEqual(["3.5.2-r1", "2-r0", undefined]);
});
