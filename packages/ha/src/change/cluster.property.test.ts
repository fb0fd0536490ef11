/**
 * Random sequences of changes, with a backup that is sometimes unreachable or fails: after each change both nodes have the interfaces and
 * addresses of the model, keepalived's configuration matches UCI, and what a user added by hand is still there.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { NethsecError } from "@nethsec/host/error";
import fc from "fast-check";
import * as cluster from "./cluster.ts";
import { haPaths, readHaConfig } from "../cluster/config.ts";
import { journalPath } from "../cluster/journal.ts";
import { initBoth, twoNodes } from "../testing/two-nodes.ts";

setDefaultTimeout(paced(120_000));

type Action =
  | { readonly kind: "add-vip" | "remove-vip"; readonly on: string; readonly last: number }
  | { readonly kind: "add-interface" | "remove-interface" }
  | { readonly kind: "enable" | "disable" };
interface Step {
  readonly action: Action;
  readonly trouble: "none" | "unreachable" | "full";
}

const network: Readonly<Record<string, string>> = { lan: "192.168.100", lan2: "192.168.200" };
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("add-vip" as const, "remove-vip" as const),
    on: fc.constantFrom("lan", "lan2"),
    last: fc.integer({ min: 60, max: 63 }),
  }),
  fc.record({ kind: fc.constantFrom("add-interface" as const, "remove-interface" as const) }),
  fc.record({ kind: fc.constantFrom("enable" as const, "disable" as const) }),
);
const step: fc.Arbitrary<Step> = fc.record({
  action,
  trouble: fc.oneof(
    { weight: 3, arbitrary: fc.constant("none" as const) },
    fc.constantFrom("unreachable" as const, "full" as const),
  ),
});

/** The expected state of the cluster. */
interface Model {
  lan2: boolean;
  vips: string[];
  enabled: boolean;
}

function next(model: Model, wanted: Action): Model {
  switch (wanted.kind) {
    case "add-vip":
    case "remove-vip": {
      const vip = `${wanted.on} ${network[wanted.on]}.${wanted.last}/24`;
      if (wanted.on === "lan2" && !model.lan2) return model;
      const others = model.vips.filter((known) => known !== vip);
      return { ...model, vips: wanted.kind === "add-vip" ? [...others, vip] : others };
    }
    case "add-interface":
      return { ...model, lan2: true };
    case "remove-interface":
      return { ...model, lan2: false, vips: model.vips.filter((vip) => !vip.startsWith("lan2 ")) };
    default:
      return { ...model, enabled: wanted.kind === "enable" };
  }
}

const seen = (uci: Parameters<typeof readHaConfig>[0]): unknown => {
  const config = readHaConfig(uci);
  return {
    lan2: config?.interfaces.some(({ name }) => name === "lan2") ?? false,
    vips: (config?.aliases.map(({ name, virtualIp }) => `${name} ${virtualIp}`) ?? []).sort(),
    enabled: config?.enabled,
  };
};

test("both nodes always agree with the model", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 10 }), async (steps) => {
      using nodes = twoNodes();
      await initBoth(nodes);
      nodes.primary.uci.change((tx) => tx.set("keepalived", "primary", "garp_master_refresh", "61"));
      let model: Model = { lan2: false, vips: [], enabled: true };
      const { services } = nodes.backup;
      const reload = services.reloadConfig.bind(services);
      let full = false;
      Object.assign(services, {
        reloadConfig: async () => {
          const now = full;
          full = false;
          if (now) throw new NethsecError({ code: "full", message: "No space left on device" });
          await reload();
        },
      });
      for (const { action: wanted, trouble } of steps) {
        nodes.link = trouble !== "unreachable";
        full = trouble === "full";
        const done = await perform(nodes.primary, wanted).then(
          () => true,
          (error: unknown) => {
            if (error instanceof NethsecError) return false;
            throw error;
          },
        );
        full = false;
        if (done) model = next(model, wanted);
        // As an administrator would, configures the interfaces that remove-interface deleted from the backup's network.
        restoreLan2(nodes.backup.uci, nodes.primary.uci);
        const expected = { ...model, vips: model.vips.toSorted() };
        expect(seen(nodes.primary.uci)).toEqual(expected);
        expect(seen(nodes.backup.uci)).toEqual(expected);
        expect(nodes.primary.files.exists(journalPath)).toBe(false);
        for (const node of [nodes.primary, nodes.backup]) {
          const rendered = node.files.readText(haPaths.keepalivedConf) ?? "";
          for (const vip of model.vips) expect(rendered).toContain(`\t${vip.split(" ")[1]} dev `);
          expect(rendered.match(/ dev \S+ label /g)).toHaveLength(1 + model.vips.length + (model.lan2 ? 1 : 0));
        }
        expect(nodes.primary.uci.read("keepalived").get("primary", "garp_master_refresh")).toBe("61");
        expect(dangling(nodes.primary.uci, "primary")).toEqual([]);
        expect(dangling(nodes.backup.uci, "backup")).toEqual([]);
      }
    }),
    { numRuns: 8, endOnFailure: true },
  );
});

/** Entries in the lists of the VRRP instance that refer to no existing section. */
function dangling(uci: cluster.ClusterHost["uci"], role: string): string[] {
  const pkg = uci.read("keepalived");
  const names = new Set(pkg.sections.map((section) => section.get("name")));
  const lists = ["virtual_ipaddress", "track_interface", "track_script", "unicast_peer"];
  return lists.flatMap((list) => pkg.section(role)?.list(list) ?? []).filter((name) => !names.has(name));
}

async function perform(host: cluster.ClusterHost, wanted: Action): Promise<void> {
  switch (wanted.kind) {
    case "add-vip":
      return cluster.addVip(host, wanted.on, `${network[wanted.on]}.${wanted.last}/24`);
    case "remove-vip":
      return cluster.removeVip(host, wanted.on, `${network[wanted.on]}.${wanted.last}/24`);
    case "add-interface": {
      const addresses = { primaryAddress: "192.168.200.238", backupAddress: "192.168.200.239" };
      return cluster.addLanInterface(host, { ...addresses, virtualIp: "192.168.200.240/24" });
    }
    case "remove-interface":
      return cluster.removeInterface(host, "lan2");
    case "enable":
      return cluster.enable(host);
    case "disable":
      return cluster.disable(host);
  }
}

function restoreLan2(backup: cluster.ClusterHost["uci"], primary: cluster.ClusterHost["uci"]): void {
  if (backup.read("network").section("lan2") === undefined) {
    backup.change((tx) => {
      tx.setSection("network", "lan2", "interface");
      tx.set("network", "lan2", "device", "eth2");
      tx.set("network", "lan2", "proto", "static");
      tx.set("network", "lan2", "ipaddr", ["192.168.200.239/24"]);
    });
  }
  if (readHaConfig(primary)?.interfaces.some(({ name }) => name === "lan2") === false) {
    primary.change((tx) => tx.set("network", "lan2", "ipaddr", ["192.168.200.238/24"]));
  }
}
