import { expect, test } from "bun:test";
import { splitCredentials } from "./split-credentials.ts";

test.each([
  ["https://S1:s3cret@host/repo/", { user: "S1", password: "s3cret" }],
  ["https://S1:100%25@host/repo", { user: "S1", password: "100%" }],
  // Set by hand, not escaped.
  ["https://S1:100%@host/repo", { user: "S1", password: "100%" }],
  ["https://host/repo", undefined],
])("%s", (url, basic) => {
  expect(splitCredentials(url)).toEqual({ url: "https://host/repo", basic });
});
