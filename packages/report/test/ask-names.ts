/**
 * Looks up client names with this machine's own resolvers, in a separate process: `ask-names.ts ROOT WAIT-MS ADDRESS…` prints {"names": {…},
 * "tookMs": …, "ticks": …}: the names known after that wait, and how many times a 10 ms timer ran meanwhile.
 */
import { localHost } from "@nethsec/host/local/local-host";
import { clientNamesOf } from "../src/names/host-names.ts";

const [root = "/", waitMs = "0", ...addresses] = process.argv.slice(2);
const names = clientNamesOf(localHost({ root, tag: "ask-names" }));
let ticks = 0;
const timer = setInterval(() => ticks++, 10);
const began = performance.now();
const atOnce = await names.lookup(addresses, 0);
const atOnceMs = performance.now() - began;
const found = await names.lookup(addresses, Number(waitMs));
const tookMs = performance.now() - began;
clearInterval(timer);
process.stdout.write(
  JSON.stringify({ atOnce: Object.fromEntries(atOnce), atOnceMs, names: Object.fromEntries(found), tookMs, ticks }),
);
// Unanswered queries would keep the process alive until their timeout of two seconds.
process.exit(0);
