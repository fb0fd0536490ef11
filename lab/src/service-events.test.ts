import { expect, test } from "bun:test";
import { parseServiceEvents, unfinished } from "./service-events.ts";

test("service events count from the host's boot; other lines are none", () => {
  const text = "2601180 dnsmasq restart begin\n2601370 dnsmasq restart end 1\n2604360 node boot end 3490 ms\n";
  expect(parseServiceEvents(text, 1_000_000)).toEqual([
    { at: 3_601_180, service: "dnsmasq", action: "restart", ended: undefined },
    { at: 3_601_370, service: "dnsmasq", action: "restart", ended: 1 },
  ]);
});

test("what a service was asked for and has not ended is named", () => {
  const text =
    "10 network boot begin\n20 network boot end 0\n30 dnsmasq boot begin\n40 cron boot begin\n50 cron boot end 0\n";
  expect(unfinished(parseServiceEvents(text, 0))).toEqual(["dnsmasq boot"]);
});
