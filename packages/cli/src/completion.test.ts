/** The completion of the real commands, in bash. */
import { expect, test } from "bun:test";
import { join } from "node:path";

const script = Bun.spawnSync([
  process.execPath,
  join(import.meta.dirname, "main.ts"),
  "completion",
  "bash",
]).stdout.toString();

test.each([
  ["register ", ["community", "enterprise"]],
  ["ns-report top h", ["hosts"]],
  ["ns-report summary to", ["today"]],
  ["ns-report source s", ["socket"]],
  ["nethsec completion b", ["bash"]],
  ["send-alert wan:wan:down F", ["FAILURE"]],
])("%s", (typed, expected) => {
  const words = typed.split(" ");
  const complete = `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _nethsec; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = Bun.spawnSync(["bash", "-c", complete, "bash", ...words]);
  expect(stdout.toString().split("\n")).toEqual(expect.arrayContaining(expected));
});
