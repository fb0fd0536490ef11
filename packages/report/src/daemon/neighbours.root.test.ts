/** The neighbour table of a real kernel, as the real `ip` prints it, in a network of its own. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { neighboursIn } from "./neighbours.ts";

setDefaultTimeout(paced(60_000));

test("addresses with a device: reachable, stale and permanent ones of both families; none that did not answer", () => {
  const script = `
ip link add br-lan type bridge
ip link set br-lan up
ip addr add 192.168.1.1/24 dev br-lan
ip neigh add 192.168.1.7 lladdr 4A:D3:49:8f:86:ca dev br-lan nud reachable
ip neigh add 192.168.1.8 lladdr 56:70:92:68:27:90 dev br-lan nud stale
ip neigh add fd00::7 lladdr 4a:d3:49:8f:86:ca dev br-lan nud permanent
ip neigh add fe80::1 lladdr 4a:d3:49:8f:86:ca dev br-lan router nud delay
ip neigh add 192.168.1.9 dev br-lan nud failed
ip neigh show`;
  const child = Bun.spawnSync(["unshare", "--net", "sh", "-euc", script]);
  expect(child.stderr.toString()).toBe("");
  const text = child.stdout.toString();
  expect(text).toContain("192.168.1.9 dev br-lan");
  expect(Object.fromEntries(neighboursIn(text))).toEqual({
    "192.168.1.7": "4a:d3:49:8f:86:ca",
    "192.168.1.8": "56:70:92:68:27:90",
    "fd00::7": "4a:d3:49:8f:86:ca",
    "fe80::1": "4a:d3:49:8f:86:ca",
  });
});
