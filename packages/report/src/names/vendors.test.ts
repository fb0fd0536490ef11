import { expect, test } from "bun:test";
import { shortName } from "../../scripts/vendors.ts";
import { vendorOf } from "./vendors.ts";

// Assignments of the IEEE that are older than this project: of 24, 28 and 36 bits.
test.each([
  ["00:00:00:12:34:56", "XEROX"],
  ["08:00:20:12:34:56", "Oracle"],
  ["b8:27:eb:12:34:56", "Raspberry Pi Foundation"],
  ["00:1b:c5:00:12:34", "OpenRB.com, Direct SIA"],
  ["fc:d2:b6:01:23:45", "CG POWER AND INDUSTRIAL"],
])("%s is of %s", (device, maker) => {
  expect(vendorOf(device)).toBe(maker);
});

test.each([
  ["made up by the device itself", "4a:d3:49:8f:86:ca"],
  ["a multicast address", "01:00:5e:00:00:01"],
  ["not assigned", "fc:ff:ff:00:00:01"],
])("%s: no maker", (_, device) => {
  expect(vendorOf(device)).toBeUndefined();
});

test.each([
  ["Apple, Inc.\nCupertino", "Apple"],
  ["TP-LINK TECHNOLOGIES CO.,LTD.", "TP-LINK TECHNOLOGIES"],
  ["AVM Audiovisuelles Marketing und Computersysteme GmbH", "AVM Audiovisuelles Marke"],
  ["Inc.", "Inc."],
  ["Espressif Inc.", "Espressif"],
  ["COMPAL INFORMATION (KUNSHAN) CO., LTD.", "COMPAL INFORMATION"],
])("%j is shown as %j", (maker, short) => {
  expect(shortName(maker)).toBe(short);
});
