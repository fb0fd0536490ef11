/** A certificate authority for tests, made by openssl in a temporary folder. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { paced } from "./pace.ts";
import { localRun } from "../process/local-run.ts";

export interface TestCa extends Disposable {
  /** The authority's own certificate, PEM. */
  readonly certificate: string;
  /** A server certificate; `valid` in days from now, default [-1, 30]. */
  issue(hostName: string, valid?: readonly [from: number, to: number]): Promise<{ cert: string; key: string }>;
}

const config = (dir: string): string => `
[ca]
default_ca = here
[here]
dir = ${dir}
database = ${dir}/index.txt
serial = ${dir}/serial
new_certs_dir = ${dir}
certificate = ${dir}/ca.crt
private_key = ${dir}/ca.key
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
`;

export async function testCa(): Promise<TestCa> {
  const dir = mkdtempSync(join(tmpdir(), "nethsec-ca-"));
  const run = localRun();
  const openssl = async (...args: string[]): Promise<void> => {
    await run(["openssl", ...args], { timeoutMs: paced(20_000), cwd: dir });
  };
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const read = (name: string): string => readFileSync(join(dir, name), "utf8");
  writeFileSync(join(dir, "ca.conf"), config(dir));
  writeFileSync(join(dir, "index.txt"), "");
  writeFileSync(join(dir, "serial"), "01\n");
  await openssl(
    "req",
    "-x509",
    ...newKey,
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
    "-subj",
    "/CN=Test authority",
    "-days",
    "30",
  );
  let issued = 0;
  return {
    certificate: read("ca.crt"),
    issue: async (hostName, [from, to] = [-1, 30]) => {
      const name = `server${issued++}`;
      await openssl(
        "req",
        ...newKey,
        "-keyout",
        `${name}.key`,
        "-out",
        `${name}.csr`,
        "-subj",
        `/CN=${hostName}`,
        "-addext",
        `subjectAltName=DNS:${hostName}`,
      );
      await openssl(
        "ca",
        "-batch",
        "-notext",
        "-config",
        "ca.conf",
        "-startdate",
        day(from),
        "-enddate",
        day(to),
        "-in",
        `${name}.csr`,
        "-out",
        `${name}.crt`,
      );
      return { cert: read(`${name}.crt`), key: read(`${name}.key`) };
    },
    [Symbol.dispose]: () => {
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** YYYYMMDDHHMMSSZ */
function day(offset: number): string {
  return new Date(Date.now() + offset * 86_400_000).toISOString().replaceAll(/[-:T]|\.\d+/g, "");
}
