/** Runs one of the node's awk programs on text: they are pure, so they are tested without a node. */
const rootfs = `${import.meta.dirname}/../rootfs`;

/** What the program prints. `program` is a path in rootfs. stderr is returned too: refusals are written there. */
export function awk(
  program: string,
  input: string,
  variables: Readonly<Record<string, string>> = {},
): { readonly out: string; readonly err: string } {
  const assignments = Object.entries(variables).flatMap(([name, value]) => ["-v", `${name}=${value}`]);
  const result = Bun.spawnSync(["awk", ...assignments, "-f", rootfs + program], {
    stdin: new TextEncoder().encode(input),
    timeout: 10_000,
  });
  if (result.exitCode !== 0) throw new Error(`${program}: ${result.stderr.toString()}`);
  return { out: result.stdout.toString(), err: result.stderr.toString() };
}
