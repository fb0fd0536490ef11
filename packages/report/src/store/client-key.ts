/**
 * Clients in the counters of days and months: an address, with the device that had it in that hour where this is known: "192.168.1.7",
 * "192.168.1.7@4a:d3:49:8f:86:ca". So an address that moves to another device has two rows, and each device keeps what it used. Pure.
 */

import { isAddress } from "./client-address.ts";

/** `device`: a MAC address as {@link isDevice} accepts it; undefined: not known. */
export function clientKey(address: string, device: string | undefined): string {
  return device === undefined ? address : `${address}@${device}`;
}

export function addressOf(key: string): string {
  const at = key.indexOf("@");
  return at < 0 ? key : key.slice(0, at);
}

/** undefined: not known. */
export function deviceOf(key: string): string | undefined {
  const at = key.indexOf("@");
  return at < 0 ? undefined : key.slice(at + 1);
}

/** What a client is in lists: its device, else its address. */
export function clientRow(key: string): string {
  return deviceOf(key) ?? key;
}

/** What a question about one client names: an address, or a device. */
export function isClientId(text: string): boolean {
  return isAddress(text) || isDevice(text);
}

/** A MAC address in lower case, as the kernel writes it. */
export function isDevice(text: string): boolean {
  return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(text);
}
