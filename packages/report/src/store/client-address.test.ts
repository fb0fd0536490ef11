import { expect, test } from "bun:test";
import { isAddress, isClientAddress } from "./client-address.ts";

test("what is no address cannot leave the folder", () => {
  for (const text of [
    "",
    ".",
    "..",
    "...",
    "../../etc",
    "10.0.0.1/..",
    "10.0.0.1\0",
    "10.0.0",
    "fd00:../../x",
    "::1/..",
    "fe80::1%eth0",
    "1".repeat(60),
  ])
    expect([text, isAddress(text), isClientAddress(text)]).toEqual([text, false, false]);
});

test("clients are private or otherwise local", () => {
  const clients = [
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.1.1",
    "fd00::1",
    "FE80::1",
  ];
  const others = [
    "0.0.0.0",
    "8.8.8.8",
    "172.32.0.1",
    "100.128.0.1",
    "127.0.0.1",
    "224.0.0.1",
    "::",
    "::1",
    "ff02::1",
    "2001:db8::1",
  ];
  expect(clients.filter(isClientAddress)).toEqual(clients);
  expect(others.filter(isClientAddress)).toEqual([]);
});
