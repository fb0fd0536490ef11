/** Checks the lab's portal against test-data/contracts/portal.json: each recorded call is answered in the recorded shape, a wrong secret is refused. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Received } from "../https-server.ts";
import { portalAnswers } from "./portal-answers.ts";
import { PortalStore, type PortalSystem } from "./portal-store.ts";

interface RecordedCall {
  readonly id: string;
  readonly method: string;
  readonly url: string;
}
interface Contract {
  readonly hosts: Readonly<Record<"community" | "enterprise", Readonly<Record<string, string>>>>;
  readonly calls: readonly RecordedCall[];
  readonly answers: Readonly<
    Record<string, { readonly fields?: readonly { readonly path: string; readonly type: string }[] }>
  >;
}
const contract: Contract = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../../test-data/contracts/portal.json"), "utf8"),
);

let dir: string;
let store: PortalStore;
let enterprise: PortalSystem;
let community: PortalSystem;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nethsec-portal-"));
  store = new PortalStore(dir);
  const [first, second] = store.read().systems;
  if (first === undefined || second === undefined) throw new Error("a lab has two systems");
  [enterprise, community] = [first, second];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function ask(method: string, url: string, headers: Record<string, string>, body?: unknown): Promise<Response> {
  const { hostname, pathname } = new URL(url);
  const bytes =
    body === undefined ? new Uint8Array() : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  const request = new Request(url, { method, headers, ...(body === undefined ? {} : { body: bytes }) });
  const received: Received = { method, host: hostname, path: pathname, headers, body, bytes, address: "192.0.2.1" };
  return portalAnswers(store)(request, received);
}
const token = ({ secret }: PortalSystem): Record<string, string> => ({ authorization: `token ${secret}` });
const basic = ({ uuid, secret }: PortalSystem): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${uuid}:${secret}`).toString("base64")}`,
});

/** The URL of a recorded call for a system. */
function urlOf(id: string, { plan, uuid, secret }: PortalSystem, handle = ""): string {
  const call = contract.calls.find((each) => each.id === id);
  if (call === undefined) throw new Error(`portal.json has no call ${id}`);
  const hosts = contract.hosts[plan];
  return call.url
    .replace(/ \(.*/, "")
    .replaceAll(/<(\w+_url)>/g, (_, name: string) =>
      name === "backup_url"
        ? "https://backupd.nethesis.it"
        : name === "repository_url"
          ? `https://${uuid}:${secret}@distfeed.nethesis.it/repository/${plan}/nethsecurity`
          : (hosts[name] ?? ""),
    )
    .replace("<type>", plan)
    .replace(/<(base name[^>]*|id)>/, handle);
}

/** Expects the fields that the contract lists for `kind` in the answer; paths are like `a.b`, `list[].c`. */
function expectFields(answer: unknown, kind: string): void {
  for (const { path, type } of contract.answers[kind]?.fields ?? []) {
    const values = path.split(".").reduce<unknown[]>(
      (found, step) => {
        const members = found.map((each) => Object(each)[step.replace("[]", "")]);
        return step.endsWith("[]") ? members.flat() : members;
      },
      [answer],
    );
    for (const value of values) {
      const actual =
        value === null ? "null" : Array.isArray(value) ? "array" : Number.isInteger(value) ? "integer" : typeof value;
      expect(`${path}: ${type}`).toContain(actual);
    }
  }
}

describe("the machine", () => {
  test("machine_info and systems_info", async () => {
    for (const [id, method, system, headers, body] of [
      ["machine_info", "GET", community, token(community), undefined],
      ["systems_info", "POST", enterprise, {}, { secret: enterprise.secret }],
    ] as const) {
      const answer = await ask(method, urlOf(id, system), headers, body);
      expect(answer.status).toBe(200);
      const told: Record<string, unknown> = JSON.parse(await answer.text());
      expectFields(told, "info_answer");
      expect(told["uuid"]).toBe(system.uuid);
      const { valid_until } = Object(told["subscription"]);
      if (valid_until !== null) expect(valid_until).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    }
  });

  test("a wrong secret, and one of the other plan, is refused without a uuid", async () => {
    for (const answer of [
      await ask("GET", urlOf("machine_info", community), token(enterprise)),
      await ask("POST", urlOf("systems_info", enterprise), {}, { secret: community.secret }),
      await ask("POST", urlOf("heartbeat", enterprise), { authorization: "token wrong" }, { lk: "x" }),
      await ask("GET", urlOf("backup_list", enterprise), basic({ ...enterprise, secret: "wrong" })),
      await ask("POST", urlOf("new_portal_heartbeat", enterprise), token(enterprise)),
      await ask("GET", urlOf("latest_release", enterprise), {}),
    ]) {
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
      expect(await answer.text()).not.toContain("uuid");
    }
  });

  test("heartbeat, inventory, alert and free_key are kept", async () => {
    for (const system of [enterprise, community]) {
      const lk = system.uuid;
      await ask("POST", urlOf("heartbeat", system), token(system), { lk });
      await ask("POST", urlOf("inventory", system), token(system), { data: { lk, data: { kernel: "Linux" } } });
      await ask("POST", urlOf("alert", system), token(system), { lk, alert_id: "wan:wan:down", status: "FAILURE" });
      await ask("POST", urlOf("free_key", system), {}, { lk, secret: system.secret });
    }
    const state = store.read();
    expect(state.heartbeats.map(({ lk }) => lk)).toEqual([enterprise.uuid, community.uuid]);
    expect(state.inventories).toMatchObject([{ data: { kernel: "Linux" } }, { lk: community.uuid }]);
    expect(state.alerts).toMatchObject([{ alert_id: "wan:wan:down", status: "FAILURE" }, {}]);
    expect(state.freed).toEqual([enterprise.secret, community.secret]);
  });
});

test("backups: listed, fetched and deleted by id, each upload one of its own", async () => {
  const empty = await ask("GET", urlOf("backup_list", enterprise), basic(enterprise));
  expect(await empty.json()).toEqual({ backups: [] });
  for (const name of ["backup.tar.gz.gpg", "backup.tar.gz.gpg", "backup.tar.gz"])
    expect((await ask("PUT", urlOf("backup_upload", enterprise, name), basic(enterprise), "content")).status).toBe(201);
  const listed = await ask("GET", urlOf("backup_list", enterprise), basic(enterprise));
  const answer: { backups: { id: string; name: string }[] } = JSON.parse(await listed.text());
  expectFields(answer, "backup_list_answer");
  expect(answer.backups.map(({ name }) => name).toSorted()).toEqual([
    "backup.tar.gz",
    "backup.tar.gz.gpg",
    "backup.tar.gz.gpg",
  ]);
  expect(new Set(answer.backups.map(({ id }) => id)).size).toBe(3);
  const { id = "" } = answer.backups[0] ?? {};
  const fetched = await ask("GET", urlOf("backup_download", enterprise, id), basic(enterprise));
  expect(await fetched.text()).toBe("content");
  const deleted = await ask("DELETE", urlOf("backup_delete", enterprise, id), basic(enterprise));
  expect(await deleted.json()).toEqual({ result: "success" });
  const gone = await ask("GET", urlOf("backup_download", enterprise, id), basic(enterprise));
  expect(gone.status).toBe(404);
  expect((await ask("GET", urlOf("backup_list", enterprise), basic(community))).status).toBe(401);
});

test("the second portal keeps heartbeat, inventory and backup", async () => {
  await ask("POST", urlOf("new_portal_heartbeat", enterprise), basic(enterprise));
  await ask("POST", urlOf("new_portal_inventory", enterprise), basic(enterprise), { installation: "nethsecurity" });
  const headers = { ...basic(enterprise), "x-filename": "backup-1.tar.gz.gpg" };
  await ask("POST", urlOf("new_portal_backup", enterprise), headers, "content");
  expect(store.read().copies).toMatchObject([
    { what: "heartbeat", lk: enterprise.uuid },
    { what: "inventory", data: { installation: "nethsecurity" } },
    { what: "backup", name: "backup-1.tar.gz.gpg", data: 7 },
  ]);
});

test("the repository: latest release, and an image with its sum", async () => {
  const latest = await ask("GET", urlOf("latest_release", enterprise), basic(enterprise));
  expect((await latest.text()).trim()).toMatch(/^\d+\.\d+\.\d+$/);
  mkdirSync(join(dir, "repository/8.7.2/targets/x86/64"), { recursive: true });
  writeFileSync(join(dir, "repository/8.7.2/targets/x86/64/nethsecurity.img.gz"), "image");
  const base = urlOf("latest_release", enterprise).replace("latest_release", "8.7.2/targets/x86/64/");
  expect(await (await ask("GET", `${base}nethsecurity.img.gz`, basic(enterprise))).text()).toBe("image");
  expect(await (await ask("GET", `${base}sha256sums`, basic(enterprise))).text()).toMatch(
    /^[0-9a-f]{64} \*nethsecurity\.img\.gz\n$/,
  );
});

test("every recorded call was asked here", () => {
  const source = readFileSync(import.meta.filename, "utf8");
  // Covered above under another id, or files of the repository like those tested above.
  const others = ["systems_info_registration_date", "image", "image_sums", "package_feeds", "package_feeds_apk"];
  const missing = contract.calls.map(({ id }) => id).filter((id) => !source.includes(`"${id}"`));
  expect(missing).toEqual([]);
  for (const id of others) expect(contract.calls.some((call) => call.id === id)).toBe(true);
});
