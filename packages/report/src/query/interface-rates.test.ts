import { expect, test } from "bun:test";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { localFiles } from "@nethsec/host/files/local-files";
import { devicesText } from "../../test/devices-text.ts";
import { InterfaceRates, interfaceRatesOf, interfaceTitle, type InterfaceState } from "./interface-rates.ts";
import { deviceCounters, deviceCountersPath } from "./network-devices.ts";

const network = `config interface 'loopback'
	option device 'lo'
	option proto 'static'

config interface 'lan'
	option device 'br-lan'
	option proto 'static'

config interface 'wan'
	option device 'eth1'
	option proto 'pppoe'

config interface 'wan6'
	option device '@wan'
	option proto 'dhcpv6'

config interface 'old'
	option ifname 'eth7'
	option proto 'static'
`;
const firewall = `config zone
	option name 'lan'
	list network 'lan'

config zone
	option name 'external'
	list network 'wan'
	list network 'wan6'

config zone
	option name 'openvpn'
	list device 'tunrw'
`;

function firewallHost(): FakeHost {
  return fakeHost({ files: { "/etc/config/network": network, "/etc/config/firewall": firewall } });
}

function count(host: FakeHost, devices: Parameters<typeof devicesText>[0]): void {
  host.files.write(deviceCountersPath, devicesText(devices));
}

/** [title, zone, device, received, sent] in bytes of the growth. */
function shape({ interfaces }: InterfaceState): unknown[] {
  return interfaces.map((one) => [interfaceTitle(one), one.zone, one.device, one.growth?.received, one.growth?.sent]);
}

test("the kernel's own file says the same as its file for each counter", () => {
  const files = localFiles("/");
  const counter = (device: string, name: string): number =>
    Number(files.readText(`/sys/class/net/${device}/statistics/${name}`) ?? Number.NaN);
  const look = (): Map<string, readonly [number, number]> =>
    new Map(
      files
        .list("/sys/class/net")
        .map((name) => [name, [counter(name, "rx_bytes"), counter(name, "tx_bytes")] as const]),
    );
  const before = look();
  const counters = deviceCounters(files.readText(deviceCountersPath) ?? "");
  const after = look();
  expect(counters.has("lo")).toBe(false);
  let compared = 0;
  for (const [device, [received, sent]] of before) {
    // Other tests make and remove devices meanwhile.
    const [laterReceived, laterSent] = after.get(device) ?? [Number.NaN, Number.NaN];
    if (device === "lo" || !(laterReceived >= received && laterSent >= sent)) continue;
    const found = counters.get(device) ?? { received: -1, sent: -1 };
    expect([device, found.received >= received && found.received <= laterReceived]).toEqual([device, true]);
    expect([device, found.sent >= sent && found.sent <= laterSent]).toEqual([device, true]);
    compared += 1;
  }
  expect(compared).toBeGreaterThan(0);
});

test("lines that are not a device's counters are left out", () => {
  expect([...deviceCounters("nonsense\n eth0: 1 2\n eth1: x 2 3 4 5 6 7 8 9 10\n\0\0\0\n")]).toEqual([]);
  expect(deviceCounters(devicesText({ "eth0:1": [5, 6] })).get("eth0:1")).toEqual({ received: 5, sent: 6 });
});

test("devices have the names of their interfaces and zones; those that have none are left out", async () => {
  using host = firewallHost();
  const rates = interfaceRatesOf(host);
  count(host, { "br-lan": [1000, 2000], eth0: [9000, 9000], eth1: [10, 20], tunrw: [0, 0], eth7: [1, 1] });
  expect(shape(await rates.look())).toEqual([
    ["lan", "lan", "br-lan", undefined, undefined],
    ["wan", "external", "eth1", undefined, undefined],
    ["old", undefined, "eth7", undefined, undefined],
    ["openvpn", "openvpn", "tunrw", undefined, undefined],
  ]);
  await host.clock.advance(2000);
  count(host, { "br-lan": [1500, 2000], eth0: [9000, 9000], eth1: [10, 900_020], tunrw: [7, 0], eth7: [1, 1] });
  const state = await rates.look();
  expect(state.ms).toBe(2000);
  expect(shape(state)).toEqual([
    ["wan", "external", "eth1", 0, 900_000],
    ["lan", "lan", "br-lan", 500, 0],
    ["openvpn", "openvpn", "tunrw", 7, 0],
    ["old", undefined, "eth7", 0, 0],
  ]);
});

test("netifd knows the device that carries the addresses of an interface", async () => {
  using host = firewallHost();
  host.net.setInterface({ name: "wan", up: true, proto: "pppoe", device: "pppoe-wan" });
  host.net.setInterface({ name: "wan6", up: true, proto: "dhcpv6", device: "pppoe-wan" });
  count(host, { eth1: [10, 20], "pppoe-wan": [5, 5] });
  expect(shape(await interfaceRatesOf(host).look())).toEqual([
    ["wan, wan6", "external", "pppoe-wan", undefined, undefined],
  ]);
});

test("a netifd that answers late does not hold up what is drawn; what it says is there the next time", async () => {
  using host = firewallHost();
  const late = Promise.withResolvers<void>();
  let asked = 0;
  const net = {
    ...host.net,
    interfaces: async () => {
      asked += 1;
      if (asked === 2) await late.promise;
      return host.net.interfaces();
    },
  };
  const rates = interfaceRatesOf({ ...host, net });
  count(host, { eth1: [10, 20], "pppoe-wan": [5, 5] });
  const titles = async (): Promise<string[]> => (await rates.look()).interfaces.map(interfaceTitle);
  expect(await titles()).toEqual(["wan"]);
  await host.clock.advance(20_000);
  host.net.setInterface({ name: "wan", up: true, proto: "pppoe", device: "pppoe-wan" });
  host.net.setInterface({ name: "lan", up: true, device: "eth1" });
  expect([await titles(), asked]).toEqual([["wan"], 1]);
  await host.clock.advance(10_000);
  expect([await titles(), asked]).toEqual([["wan"], 2]);
  late.resolve();
  await host.clock.advance(2000);
  expect((await titles()).toSorted()).toEqual(["lan", "wan"]);
});

test("without a configuration of the network each device is shown; without devices nothing is", async () => {
  using host = fakeHost();
  const rates = interfaceRatesOf(host);
  expect(await rates.look()).toEqual({ interfaces: [], ms: undefined });
  expect(rates.mark()).toBe("");
  await host.clock.advance(2000);
  count(host, { lo: [1, 1], eth0: [5, 5], "tun-x": [1, 1] });
  expect(shape(await rates.look()).map((row) => JSON.stringify(row))).toEqual([
    '["eth0",null,"eth0",null,null]',
    '["tun-x",null,"tun-x",null,null]',
  ]);
});

test("a configuration that cannot be read takes the names away, not the figures", async () => {
  using host = fakeHost({ files: { "/etc/config/network": "config interface 'lan\n", "/etc/config/firewall": "x\0" } });
  count(host, { eth0: [5, 5] });
  expect(shape(await interfaceRatesOf(host).look())).toEqual([["eth0", undefined, "eth0", undefined, undefined]]);
});

test("a device that is made anew, or vanishes, gives no negative and no giant rate", async () => {
  using host = fakeHost();
  const rates = interfaceRatesOf(host);
  const growth = async (received?: number): Promise<number | undefined> => {
    count(host, received === undefined ? {} : { "wg-x": [received, 0] });
    const [found] = (await rates.look()).interfaces;
    await host.clock.advance(2000);
    return found?.growth?.received;
  };
  expect(await growth(8_000_000_000)).toBeUndefined();
  expect(await growth(8_000_000_100)).toBe(100);
  expect(await growth(0)).toBe(100);
  expect(await growth(50)).toBe(150);
  expect(await growth()).toBeUndefined();
  // Back with large counters: what it counted while it was away did not pass here just now.
  expect(await growth(9_000_000_000)).toBe(150);
});

test("a rate is that of the last ten seconds; after two minutes without a look it begins anew", async () => {
  using host = fakeHost();
  let [reads, received] = [0, 0];
  const rates = new InterfaceRates({
    read: () => {
      reads += 1;
      return devicesText({ eth0: [received, 0] });
    },
    monotonic: () => host.clock.monotonic(),
    names: async () => new Map(),
  });
  for (let step = 0; step < 30; step++) {
    received = step * 1000;
    // Many viewers at once do not make more samples.
    for (let viewer = 0; viewer < 5; viewer++) rates.mark();
    await host.clock.advance(2000);
  }
  expect(reads).toBe(30);
  const state = await rates.look();
  expect(state.ms).toBe(10_000);
  expect(state.interfaces[0]?.growth).toEqual({ received: 4000, sent: 0 });
  const mark = rates.mark();
  received = 60_000;
  await host.clock.advance(2000);
  expect(rates.mark()).not.toBe(mark);
  await host.clock.advance(60_000);
  // A browser without script loads the page anew each minute.
  expect((await rates.look()).ms).toBe(60_000);
  await host.clock.advance(3_600_000);
  expect((await rates.look()).ms).toBeUndefined();
});

test("at most twenty are shown, the busiest", async () => {
  using host = fakeHost();
  const rates = interfaceRatesOf(host);
  const many = (grown: number): Record<string, [number, number]> =>
    Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`tun${index}`, [100 + index * grown, 0]]));
  count(host, many(0));
  await rates.look();
  await host.clock.advance(2000);
  count(host, many(1));
  const { interfaces } = await rates.look();
  expect(interfaces.length).toBe(20);
  expect(interfaces[0]?.device).toBe("tun49");
});
