import { expect, test } from "bun:test";
import { type FakeHost, fakeHost } from "@nethsec/host/testing/fake-host";
import { ClientNames } from "./client-names.ts";

const files = {
  "/etc/config/dhcp": [
    "config dnsmasq\n\toption leasefile '/tmp/other.leases'",
    "config host\n\toption name 'printer'\n\tlist ip '192.168.1.20'\n\tlist ip 'fd00::20'",
    "config domain\n\toption name 'nas.lan'\n\toption ip '192.168.1.21'",
    "config host\n\toption name '<b>'\n\toption ip '192.168.1.22'\n",
  ].join("\n\n"),
  "/tmp/other.leases": "1 aa:bb:cc:dd:ee:ff 192.168.1.20 brother-mfc *\n1 aa:bb:cc:dd:ee:00 192.168.1.30 laptop *\n",
  "/tmp/hosts/odhcpd": "# br-lan 0001 phone\nfd00::99 phone.lan\n",
  "/etc/hosts": "192.168.1.40 gateway.lan gw\n",
};

type Reverse = (address: string) => Promise<string | undefined>;

function names(host: FakeHost, reverse: Reverse): { names: ClientNames; asked: string[] } {
  const asked: string[] = [];
  const counted: Reverse = (address) => {
    asked.push(address);
    return reverse(address);
  };
  return {
    names: new ClientNames({ files: host.files, uci: host.uci, now: () => host.clock.now(), reverse: counted }),
    asked,
  };
}

const never: Reverse = () => new Promise(() => {});
const none: Reverse = async () => undefined;

test("static hosts before leases before hosts files; nobody is asked about them", async () => {
  using host = fakeHost({ files });
  const { names: found, asked } = names(host, none);
  const clients = ["192.168.1.20", "FD00:0::20", "192.168.1.21", "192.168.1.30", "fd00::99", "192.168.1.40"];
  expect([...(await found.lookup(clients, 0))]).toEqual([
    ["192.168.1.20", "printer"],
    ["FD00:0::20", "printer"],
    ["192.168.1.21", "nas.lan"],
    ["192.168.1.30", "laptop"],
    ["fd00::99", "phone.lan"],
    ["192.168.1.40", "gateway.lan"],
  ]);
  expect(asked).toEqual([]);
});

test("reverse DNS: not waited for, there the next time, kept for other processes, hostile names dropped", async () => {
  using host = fakeHost({ files });
  const { names: found, asked } = names(host, async (address) =>
    address.endsWith(".50") ? "Desk.example." : "<script>",
  );
  expect((await found.lookup(["192.168.1.50", "192.168.1.51"], 0)).size).toBe(0);
  await Bun.sleep(0);
  expect([...(await found.lookup(["192.168.1.50", "192.168.1.51"], 0))]).toEqual([["192.168.1.50", "Desk.example"]]);
  expect(asked).toEqual(["192.168.1.50", "192.168.1.51"]);
  const other = names(host, none);
  expect([...(await other.names.lookup(["192.168.1.50", "192.168.1.51"], 0))]).toEqual([
    ["192.168.1.50", "Desk.example"],
  ]);
  expect(other.asked).toEqual([]);
  await host.clock.advance(601_000);
  await other.names.lookup(["192.168.1.50", "192.168.1.51"], 0);
  expect(other.asked).toEqual(["192.168.1.51"]);
});

test("a server that does not answer holds nobody up longer than allowed", async () => {
  using host = fakeHost();
  const { names: found } = names(host, never);
  const begin = performance.now();
  expect((await found.lookup(["192.168.1.50"], 0)).size).toBe(0);
  expect((await found.lookup(["192.168.1.51"], 50)).size).toBe(0);
  expect(performance.now() - begin).toBeLessThan(1000);
});

test("few questions at once, however many clients", async () => {
  using host = fakeHost();
  const { names: found, asked } = names(host, never);
  await found.lookup(
    Array.from({ length: 3000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`),
    0,
  );
  expect(asked.length).toBe(16);
});

test.each(["", "[]", "{", '{"10.0.0.1":{"name":5,"until":1}}', '{"10.0.0.1":{"name":"<b>","until":9e15}}'])(
  "a damaged cache %j is an empty one",
  async (text) => {
    using host = fakeHost({ files: { "/var/run/ns-report/names.json": text } });
    const { names: found, asked } = names(host, none);
    expect((await found.lookup(["10.0.0.1"], 0)).size).toBe(0);
    expect(asked).toEqual(["10.0.0.1"]);
  },
);
