import { describe, expect, test } from "bun:test";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { appsConf, categoryNumbers, namedCategories, numberedCategories } from "../../test/category-files.ts";
import { messages, recordedStream } from "../../test/recorded-stream.ts";
import { CategoryFiles } from "./categories.ts";

const folder = "/etc/netifyd";
const files = (apps: string, categories: string, where = folder): Record<string, string> => ({
  [`${where}/netify-apps.conf`]: apps,
  [`${where}/netify-categories.json`]: categories,
});

describe.each([
  ["numbered", numberedCategories],
  ["named", namedCategories],
])("categories that are %s", (_, categories) => {
  test("say the category of each application", () => {
    using host = fakeHost({ files: files(appsConf, categories) });
    const found = new CategoryFiles(host.files).categories();
    expect(found?.get("netify.youtube")).toBe("streaming-media");
    expect(found?.get("netify.facebook")).toBe("social-media");
    // Hour files have names in lower case.
    expect(found?.get("netify.zoom")).toBe("voip");
    expect(found?.has("netify.nobody")).toBe(false);
    expect(found?.has("unknown")).toBe(false);
  });

  test("are those that the recorded streams tell by number", () => {
    using host = fakeHost({ files: files(appsConf, categories, "/etc/netify.d") });
    const found = new CategoryFiles(host.files).categories();
    const numbers = new Map<string, number>(Object.entries(categoryNumbers));
    const compared = new Set<string>();
    for (const stream of ["video_netflix", "messaging", "ipv6_http", "quic", "live2_full"]) {
      for (const { flow } of messages(recordedStream(stream))) {
        const told = toldCategory(flow);
        const category = told === undefined ? undefined : found?.get(told.name);
        if (told === undefined || category === undefined) continue;
        const number: unknown = numbers.get(category);
        expect([told.name, number]).toEqual([told.name, told.number]);
        compared.add(told.name);
      }
    }
    expect(compared.size).toBeGreaterThanOrEqual(8);
  });
});

function toldCategory(flow: unknown): { readonly name: string; readonly number: unknown } | undefined {
  if (typeof flow !== "object" || flow === null || !("detected_application_name" in flow) || !("category" in flow))
    return undefined;
  const { detected_application_name: name, category } = flow;
  if (typeof name !== "string" || typeof category !== "object" || category === null || !("application" in category))
    return undefined;
  return { name: name.toLowerCase(), number: category.application };
}

test("without the files, or with damaged ones, nothing is known", () => {
  for (const [apps, categories] of [
    ["", numberedCategories],
    [appsConf, ""],
    [appsConf, "\0".repeat(100)],
    ["\0".repeat(100), numberedCategories],
    [appsConf, numberedCategories.slice(0, 60)],
    [appsConf, "[]"],
    [appsConf, '{"application_index":{"a":["x"]}}'],
    [appsConf, '{"application_index":[[3,[124]]]}'],
    [appsConf, "null"],
  ] as const) {
    using host = fakeHost({ files: files(apps, categories) });
    expect(new CategoryFiles(host.files).categories()).toBeUndefined();
  }
  using host = fakeHost();
  expect(new CategoryFiles(host.files).categories()).toBeUndefined();
  host.files.mkdir(`${folder}/netify-apps.conf`);
  host.files.write(`${folder}/netify-categories.json`, namedCategories);
  expect(new CategoryFiles(host.files).categories()).toBeUndefined();
});

test("files of netifyd 5 are taken before those that netifyd 4 left behind", () => {
  using host = fakeHost({
    files: {
      ...files(appsConf, namedCategories),
      ...files("app:124:netify.youtube\n", '{"application_index":{"old":[124]}}', "/etc/netify.d"),
    },
  });
  expect(new CategoryFiles(host.files).categories()?.get("netify.youtube")).toBe("streaming-media");
});

test("an update of the files is seen; while they stay, they are not read again", () => {
  using host = fakeHost({ files: files(appsConf, namedCategories) });
  const reader = new CategoryFiles(host.files);
  const before = reader.categories();
  expect(reader.categories()).toBe(before);
  host.files.write(`${folder}/netify-categories.json`, '{"application_index":{"video":[124]}}');
  expect(reader.categories()).toEqual(new Map([["netify.youtube", "video"]]));
});
