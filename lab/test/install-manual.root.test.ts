/**
 * Runs commands of the manual that no other test runs, exactly as printed (packaging/test/docs.test.ts finds commands without a test): on a
 * firewall of the lab, or on this machine for commands of the lab itself.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { makeCluster, vip } from "../src/ha-cluster.ts";
import { Lab } from "../src/lab.ts";
import { checkout } from "../src/layer.ts";

setDefaultTimeout(paced(120_000));

const name = `man${process.pid}`;
let lab: Lab;
beforeAll(async () => {
  lab = await Lab.up({ name });
  await makeCluster(lab);
  const hour = '{"total":5,"protocol":{"http":5},"application":{"netify.youtube":5},"host":{"example.org":5}}';
  for (const day of ["$(date -d yesterday +%Y/%m/%d)", "2026/11/21"])
    await lab.sh("primary", `d=/var/run/dpireport/${day}/192.168.1.10; mkdir -p $d; echo '${hour}' >$d/10.json`);
});
afterAll(() => lab?.down());

/** Commands run on the primary, their expected output, and their standard input. */
const onPrimary: readonly (readonly [command: string, expected: RegExp, typed?: string])[] = [
  ["ns-ha-config history -n 20", /master/],
  ["ns-report status", /./],
  ["ns-report status --json", /connected/],
  ["send-backup --force || [ $? = 1 ]", /no subscription/],
  ["ns-report summary yesterday --application netify.youtube", /192\.168\.1\.10/],
  ["ns-report client 192.168.1.10 2026-11-21", /example\.org/],
  ["ns-report days --month 2026-11", /2026-11-21/],
  ["ns-report search example.org", /192\.168\.1\.10/],
  ["ns-report summary 2026-11 --limit 0", /192\.168\.1\.10/],
  ["ns-report client 192.168.1.10 last-30-days --limit 0", /example\.org/],
  ["ns-report summary 2026-11 --host example.org --limit 0", /192\.168\.1\.10/],
  ["ns-report summary last-365-days --application netify.youtube --limit 0", /192\.168\.1\.10/],
  ["ns-report export yesterday > day.csv; cat day.csv", /example\.org/],
  ["ns-report top hosts --limit 50", /host|no/i],
  // Redraws until it is stopped.
  ["timeout 3 ns-report watch || [ $? = 124 ]", /./],
  ["ns-report password", /./, "a-long-password\na-long-password\n"],
  ["ns-report token", /[0-9A-Za-z_-]{20}/],
  ["ns-report token --remove", /./],
  ["dpireport-cleanup --max-size 50M", /./],
  ["dpireport-cleanup --max-percent 5", /./],
  ["nethsec help ns-report", /export/],
  ["nethsec man ns-ha-config | head -5", /^\.D/m],
  ["uci export objects | uci import", /^$/],
  ["ns-ha render", /^$/],
  ["ns-ha metrics", /^nethsec_ha_/m],
  ["ns-ha adopt", /^$/],
  ["/usr/libexec/ns-ha-export", /^$/],
];
// Rows of equal length: the test runner would pass its `done` callback for a missing argument.
const rows = onPrimary.map(([command, expected, typed = ""]) => [command, expected, typed] as const);
test.each(rows)(
  "%s",
  async (command, expected, stdin) => {
    const options = { ok: "any", timeoutMs: 60_000, stdin } as const;
    const { stdout, stderr, code } = await lab.exec("primary", ["sh", "-c", command], options);
    expect(`${code} ${code === 0 ? "" : stderr}`).toBe("0 ");
    expect(stdout + stderr).toMatch(expected);
  },
  paced(70_000),
);

/** `lab/lab …` commands run in the checkout, with this lab's name. */
const here: readonly (readonly [command: string, expected: RegExp])[] = [
  ["lab/lab status", /primary/],
  [`lab/lab probe --from client1 --to ${vip} --seconds 2`, /ping/],
  ["lab/lab fill-disk backup /tmp", /./],
  ["lab/lab fill-disk backup /tmp --free", /./],
  ["lab/lab pause primary keepalived", /./],
  ["lab/lab resume primary keepalived", /./],
  ["lab/lab logs primary", /./],
  ["lab/lab exec client1 -- dhcp-renew", /^/],
];
test.each(here)(
  "%s",
  (command, expected) => {
    const [program = "", ...words] = command.split(" ");
    const child = Bun.spawnSync([program, "--name", name, ...words], {
      cwd: checkout,
      stdin: "ignore",
      timeout: 60_000,
    });
    const printed = child.stdout.toString() + child.stderr.toString();
    expect(`${child.exitCode} ${child.exitCode === 0 ? "" : printed}`).toBe("0 ");
    expect(printed).toMatch(expected);
  },
  paced(70_000),
);
