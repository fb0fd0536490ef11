import { expect, test } from "bun:test";
import { cryptHash, newPasswordHash } from "./crypt.ts";

test.each([
  ["-1", "$1$"],
  ["-5", "$5$"],
  ["-6", "$6$"],
])("hashes as `openssl passwd %s` does", (method, prefix) => {
  const child = Bun.spawnSync(["openssl", "passwd", method, "-salt", "abcdefgh", "-stdin"], {
    stdin: Buffer.from("Nethesis,1234\n"),
  });
  expect(cryptHash("Nethesis,1234", `${prefix}abcdefgh$`)).toBe(child.stdout.toString().trim());
});

test("a new hash has a salt of its own and verifies against itself", () => {
  let salt = 0;
  const random = { text: (count: number) => String((salt += 1)).padStart(count, "x") };
  const [first, second] = [newPasswordHash("secret", random), newPasswordHash("secret", random)];
  expect(first).not.toBe(second);
  expect(first).toStartWith("$6$");
  expect(cryptHash("secret", first)).toBe(first);
  expect(cryptHash("Secret", first)).not.toBe(first);
});

test("an unknown method has no hash", () => {
  expect(cryptHash("x", "$99$y$")).toBeUndefined();
});
