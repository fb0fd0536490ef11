/** keepalived.conf and conntrackd.conf from UCI, compared with golden files (test-data/render), which show complete output. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { readHaConfig } from "../cluster/config.ts";
import { renderConntrackd } from "./render-conntrackd.ts";
import { renderKeepalived, vrrpPriority } from "./render-keepalived.ts";

const folder = join(import.meta.dir, "../../test-data/render");
const data = (name: string): string => readFileSync(join(folder, name), "utf8");

function render(uci: string, realtime = true): { keepalived: string; conntrackd: string } {
  using host = fakeHost({ files: { "/etc/config/keepalived": uci } });
  const config = readHaConfig(host.uci);
  if (config === undefined) throw new Error("no cluster");
  return {
    keepalived: renderKeepalived(host.uci.read("keepalived"), config, realtime, false),
    conntrackd: renderConntrackd(config),
  };
}

describe("golden files", () => {
  test.each(["primary-classic", "primary-fast", "backup-classic", "by-hand"])("%s", (name) => {
    const { keepalived, conntrackd } = render(data(`${name}.uci`));
    expect(keepalived).toBe(data(`${name}.keepalived.conf`));
    if (name !== "by-hand") expect(conntrackd).toBe(data(`${name}.conntrackd.conf`));
  });
});

test("the password is in classic only: VRRPv3 has no authentication", () => {
  expect(render(data("primary-classic.uci")).keepalived).toContain("auth_pass");
  expect(render(data("primary-fast.uci")).keepalived).not.toContain("auth_pass");
});

test("without CAP_SYS_RESOURCE fast has no real-time priority: keepalived would be killed after a reload", () => {
  expect(render(data("primary-fast.uci"), true).keepalived).toContain("vrrp_rt_priority 50");
  const { keepalived } = render(data("primary-fast.uci"), false);
  expect(keepalived).not.toContain("vrrp_rt_priority");
  expect(keepalived).toContain("vrrp_priority -20");
});

test.each([
  [100, 200],
  [50, 190],
  [255, 231],
  [0, 180],
])("priority %d is rendered as %d", (uci, rendered) => {
  expect(vrrpPriority(uci)).toBe(rendered);
});

describe("values that would change the meaning of the file are refused", () => {
  test.each(["a'b", 'a"b', "a{b", "a}b", "a#b", "a!b", "a$b", "@main", "a\nb"])("%j", (value) => {
    const uci = data("primary-classic.uci").replace("'k4Sq9ZtW'", `"${value.replaceAll(/(["\\])/g, "\\$1")}"`);
    expect(() => render(uci)).toThrow("cannot be rendered");
  });
});

test("an instance without addresses is refused with the option's name", () => {
  const uci = data("primary-classic.uci").replace(/\toption unicast_src_ip .*\n/, "");
  expect(() => render(uci)).toThrow("keepalived.primary.unicast_src_ip is missing");
});
