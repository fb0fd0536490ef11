/** Random changes of a few files, recorded one after the other: every revision gives back exactly what was there, through kills and within the bounds. */
import { expect, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import fc from "fast-check";
import { Killed, SimulatedNode } from "../testing/simulated-node.ts";
import type { Entries } from "./revision.ts";
import { revisionsDir, RevisionStore } from "./revision-store.ts";
import { contentHere, TrackedFiles } from "./tracked-files.ts";
import { readHaConfig } from "../cluster/config.ts";

const step = fc.record({
  file: fc.constantFrom("firewall", "dhcp", "mwan3"),
  what: fc.constantFrom("write", "write", "write", "remove", "link", "mode"),
  text: fc.string({ minLength: 0, maxLength: 3000 }),
  /** File operations before the agent is killed while it records; undefined: it is not. */
  killAfter: fc.option(fc.nat({ max: 6 }), { nil: undefined, freq: 4 }),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

class Recording implements Disposable {
  readonly node = new SimulatedNode("primary");
  readonly #config = readHaConfig(this.node.machine.uci);
  /** What was there when each revision was recorded. */
  readonly known = new Map<number, Map<string, string>>();
  readonly #limits: { bytes: number; revisions: number };

  constructor(limits: { bytes: number; revisions: number }) {
    this.#limits = limits;
  }

  [Symbol.dispose](): void {
    this.node[Symbol.dispose]();
  }

  store(): RevisionStore {
    return new RevisionStore(this.node.host.files, this.#limits);
  }

  change({ file, what, text }: Step): void {
    const { files } = this.node.machine;
    const path = `/etc/config/${file}`;
    if (what === "remove" || what === "link") files.remove(path);
    if (what === "link") files.symlink(`/etc/${text.length}`, path);
    else if (what === "write" || !files.exists(path)) files.write(path, text);
    else if (what === "mode" && files.stat(path)?.type === "file")
      files.chmod(path, text.length % 2 === 0 ? 0o600 : 0o644);
  }

  record(killAfter?: number): void {
    if (this.#config === undefined) throw new Error("no cluster");
    const { node } = this;
    const entries = new TrackedFiles(node.machine).entries(this.#config);
    const now = this.texts(entries);
    node.killAfter = killAfter;
    try {
      const made = this.store().record({ at: 1, by: "test", entries, content: contentHere(node.machine.files) });
      if (made !== undefined) this.known.set(made.id, now);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      // Killed after the revision was complete: then it counts.
      node.killAfter = undefined;
      const last = this.store().list().at(-1);
      if (last !== undefined && !this.known.has(last.id)) this.known.set(last.id, now);
    } finally {
      node.killAfter = undefined;
    }
  }

  texts(entries: Entries, contentOf?: RevisionStore): Map<string, string> {
    return new Map(
      [...entries.values()].map((entry) => {
        if (entry.type === "symlink") return [entry.path, `→ ${entry.target}`];
        const bytes =
          contentOf === undefined ? this.node.machine.files.readBytes(entry.path) : contentOf.content(entry);
        return [entry.path, `${entry.mode} ${bytes === undefined ? "lost" : Buffer.from(bytes).toString("base64")}`];
      }),
    );
  }
}

test(
  "each revision is what was there, whatever was killed, and the folder keeps its bounds",
  () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        using recording = new Recording({ bytes: 60_000, revisions: 8 });
        recording.record();
        for (const each of steps) {
          recording.change(each);
          recording.record(each.killAfter);
        }
        recording.record();
        const store = recording.store();
        const listed = store.list();
        for (const { id } of listed)
          expect(recording.texts(store.entriesAt(id), store)).toEqual(recording.known.get(id) ?? new Map());
        expect(listed.length).toBeLessThanOrEqual(8);
        const { files } = recording.node.machine;
        for (const path of [revisionsDir, `${revisionsDir}/objects`])
          expect((files.stat(path)?.mode ?? 0) & 0o777).toBe(0o700);
      }),
      { numRuns: 60 },
    );
  },
  paced(120_000),
);

test("the bound in bytes makes old revisions part of the base, and their contents go", () => {
  using recording = new Recording({ bytes: 40_000, revisions: 1000 });
  recording.record();
  const noise = (from: number): string =>
    Array.from({ length: 700 }, (_, index) => (from * 7919 + index * index * 31) % 99_991).join(" ");
  for (let count = 0; count < 60; count += 1) {
    recording.change({ file: "dhcp", what: "write", text: noise(count), killAfter: undefined });
    recording.record();
  }
  const { files } = recording.node.machine;
  const all = [revisionsDir, `${revisionsDir}/objects`].flatMap((dir) =>
    files.list(dir).map((name) => `${dir}/${name}`),
  );
  const bytes = all.reduce(
    (sum, path) => sum + (files.stat(path)?.type === "file" ? (files.stat(path)?.size ?? 0) : 0),
    0,
  );
  expect(bytes).toBeLessThanOrEqual(40_000);
  const ids = recording
    .store()
    .list()
    .map(({ id }) => id);
  expect([ids.at(-1), (ids[0] ?? 0) > 20]).toEqual([60, true]);
});

test.each(["2.json", "base.json"])(
  "a %s full of NULs, as a power loss leaves it, gives no wrong state: the record begins anew",
  (name) => {
    using recording = new Recording({ bytes: 1_000_000, revisions: 1000 });
    const write = (text: string): void => {
      recording.change({ file: "dhcp", what: "write", text, killAfter: undefined });
      recording.record();
    };
    recording.record();
    for (const text of ["one", "two", "three"]) write(text);
    recording.node.machine.files.write(`${revisionsDir}/${name}`, "\0".repeat(100));
    expect([recording.store().list(), recording.store().head()]).toEqual([[], undefined]);
    recording.record();
    write("four");
    const store = recording.store();
    expect(store.list().map(({ id }) => id)).toEqual([4]);
    expect(recording.texts(store.entriesAt(3), store).get("/etc/config/dhcp")).toBe(
      `420 ${Buffer.from("three").toString("base64")}`,
    );
  },
);
