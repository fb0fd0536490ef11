/** From /etc/config/firewall to nftables. What nft makes of it, and packets, are tested on a node (node.root.test.ts). */
import { describe, expect, test } from "bun:test";
import { awk } from "./awk.ts";

const zones = `network.lan=interface
network.lan.device='br-lan'
network.lan.proto='static'
network.wan=interface
network.wan.device='eth1'
network.wan.proto='dhcp'
network.pp=interface
network.pp.device='eth2'
network.pp.proto='pppoe'
network.al=interface
network.al.device='@wan'
network.al.proto='static'
firewall.d=defaults
firewall.d.input='REJECT'
firewall.d.forward='REJECT'
firewall.ns_lan=zone
firewall.ns_lan.name='lan'
firewall.ns_lan.network='lan'
firewall.ns_lan.input='ACCEPT'
firewall.ns_lan.forward='ACCEPT'
firewall.ns_wan=zone
firewall.ns_wan.name='wan'
firewall.ns_wan.network='wan' 'pp' 'al'
firewall.ns_wan.input='DROP'
firewall.ns_wan.forward='DROP'
firewall.ns_wan.masq='1'
`;

const wan = 'iifname { "eth1", "pppoe-pp" }';

/** The lines of one chain, without indentation. */
function chain(name: string, more: string): string[] {
  const { out } = awk("/usr/libexec/firewall/render.awk", zones + more);
  const body = new RegExp(`chain ${name} \\{\n([^}]*(?:\\{[^}]*\\}[^}]*)*?)\n\t\\}`).exec(out)?.[1] ?? "";
  return body.split("\n").map((line) => line.trim());
}

/** Options of one section, as `uci show` prints them. */
function section(type: string, options: Readonly<Record<string, string>>): string {
  return `firewall.x=${type}\n${Object.entries(options)
    .map(([name, value]) => `firewall.x.${name}='${value}'\n`)
    .join("")}`;
}

describe("render", () => {
  test("a zone covers the devices of its interfaces, up or not, each once", () => {
    expect(chain("input", "")).toContain(`${wan} counter drop comment "wan"`);
    expect(chain("srcnat", "")).toContain('oifname { "eth1", "pppoe-pp" } meta nfproto ipv4 masquerade comment "wan"');
  });

  const cases: readonly [
    what: string,
    chain: string,
    options: Readonly<Record<string, string>>,
    lines: readonly string[],
  ][] = [
    [
      "tcp and udp are the default protocols",
      "input",
      { src: "wan", dest_port: "53", target: "ACCEPT" },
      [
        `${wan} meta l4proto tcp tcp dport { 53 } counter accept comment "x"`,
        `${wan} meta l4proto udp udp dport { 53 } counter accept comment "x"`,
      ],
    ],
    [
      "ports: lists and ranges",
      "input",
      { src: "wan", proto: "tcp", dest_port: "80 443 8000-8010", target: "ACCEPT" },
      [`${wan} meta l4proto tcp tcp dport { 80, 443, 8000-8010 } counter accept comment "x"`],
    ],
    [
      "an address, an inverted address",
      "input",
      { src: "wan", proto: "all", src_ip: "!192.0.2.1", target: "DROP" },
      [`${wan} ip saddr != { 192.0.2.1 } counter drop comment "x"`],
    ],
    [
      "IPv6 addresses",
      "input",
      { src: "wan", proto: "tcp", src_ip: "2001:db8::/32", dest_port: "22", target: "ACCEPT" },
      [`${wan} ip6 saddr { 2001:db8::/32 } meta l4proto tcp tcp dport { 22 } counter accept comment "x"`],
    ],
    [
      "another protocol by name",
      "input",
      { src: "lan", proto: "vrrp", target: "ACCEPT" },
      ['iifname { "br-lan" } meta l4proto vrrp counter accept comment "x"'],
    ],
    [
      "ICMPv6 by OpenWrt's names, each once",
      "input",
      {
        src: "wan",
        proto: "icmp",
        family: "ipv6",
        icmp_type: "neighbour-solicitation' 'router-advertisement' 'bad-header' 'unknown-header-type",
        target: "ACCEPT",
      },
      [
        `${wan} meta nfproto ipv6 icmpv6 type { nd-neighbor-solicit, nd-router-advert, parameter-problem } counter accept comment "x"`,
      ],
    ],
    [
      "a rule between zones",
      "forward",
      {
        src: "wan",
        dest: "lan",
        proto: "tcp",
        dest_ip: "192.168.100.5",
        dest_port: "25",
        target: "ACCEPT",
        name: "mail",
      },
      [
        `${wan} oifname { "br-lan" } ip daddr { 192.168.100.5 } meta l4proto tcp tcp dport { 25 } counter accept comment "mail"`,
      ],
    ],
    [
      "a rule of the firewall itself",
      "output",
      { dest: "wan", proto: "udp", dest_port: "123", target: "REJECT" },
      ['oifname { "eth1", "pppoe-pp" } meta l4proto udp udp dport { 123 } counter jump handle_reject comment "x"'],
    ],
    [
      "quotes in a name stay inside the comment",
      "input",
      { src: "wan", proto: "tcp", target: "ACCEPT", name: 'a "b" \\ c' },
      [`${wan} meta l4proto tcp counter accept comment "a b  c"`],
    ],
  ];
  test.each(cases)("rule: %s", (_, name, options, lines) => {
    expect(chain(name, section("rule", options))).toEqual(expect.arrayContaining([...lines]));
  });

  const leftOut: readonly [what: string, type: string, options: Readonly<Record<string, string>>][] = [
    ["disabled", "rule", { src: "wan", proto: "tcp", dest_port: "22", target: "ACCEPT", enabled: "0" }],
    ["unknown zone", "rule", { src: "guest", proto: "tcp", target: "ACCEPT" }],
    ["unknown target", "rule", { src: "wan", proto: "tcp", target: "ALLOW" }],
    ["forwarding to an unknown zone", "forwarding", { src: "wan", dest: "guest" }],
  ];
  test.each(leftOut)("%s: left out, never widened", (what, type, options) => {
    const plain = awk("/usr/libexec/firewall/render.awk", zones);
    const { out, err } = awk("/usr/libexec/firewall/render.awk", zones + section(type, options));
    expect(out).toBe(plain.out);
    expect(err.includes("left out")).toBe(what !== "disabled");
  });

  test("a port forward, and its reflection for the clients inside", () => {
    const forward = {
      src: "wan",
      src_dport: "8088",
      dest: "lan",
      dest_ip: "192.168.100.50",
      dest_port: "80",
      proto: "tcp",
    };
    expect(chain("dstnat", section("redirect", forward)).slice(1)).toEqual([
      `${wan} meta nfproto ipv4 meta l4proto tcp tcp dport { 8088 } counter dnat ip to 192.168.100.50:80 comment "x"`,
      'iifname { "br-lan" } meta nfproto ipv4 fib daddr type local meta l4proto tcp tcp dport { 8088 } dnat ip to 192.168.100.50:80 comment "x (reflection)"',
    ]);
    expect(chain("dstnat", section("redirect", { ...forward, reflection: "0" }))).toHaveLength(2);
    expect(chain("forward", section("redirect", forward))).toContain(
      `${wan} ct status dnat accept comment "wan: port forwards"`,
    );
  });
});

describe("without a word of configuration, as from a file of NUL bytes", () => {
  const { out } = awk("/usr/libexec/firewall/render.awk", "");

  test("everything is dropped, in and out, as firewall4 does it", () => {
    for (const hook of ["input", "forward", "output"])
      expect(out).toContain(`hook ${hook} priority filter; policy drop;`);
  });

  test("but the files of packages are taken in before anything is decided", () => {
    for (const name of ["input", "output"])
      expect(out).toMatch(
        new RegExp(
          `"lo" accept\n\t\tinclude "/usr/share/nftables.d/chain-pre/${name}/\\*\\.nft"\n\t\tct state established`,
        ),
      );
    expect(awk("/usr/libexec/firewall/render.awk", section("defaults", { auto_includes: "0" })).out).not.toContain(
      "include",
    );
  });
});
