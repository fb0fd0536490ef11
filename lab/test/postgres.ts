/**
 * A private PostgreSQL for a test (Debian package `postgresql`): data and socket in a temporary folder, no TCP port, run as an unprivileged user
 * because it refuses to run as root. Creates the controller's tables of reports with the recorded keys.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chownSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { paced } from "@nethsec/host/testing/pace";
import { until } from "@nethsec/host/testing/until";
import { SQL } from "bun";
import { decodeFirst, GoNumber, type Fields, type GoJson } from "../services/controller/go-json.ts";
import { microsSince2000, shown, type Row } from "../services/controller/memory-reports.ts";
import { isSkipped, tables, type Reports, type Table } from "../services/controller/tables.ts";

const versions = "/usr/lib/postgresql";
/** nobody, nogroup on Debian. */
const [uid, gid] = [65534, 65534];

export class Postgres implements AsyncDisposable {
  readonly #folder: string;
  readonly #server: ChildProcess;
  readonly sql: SQL;

  private constructor(folder: string, server: ChildProcess) {
    this.#folder = folder;
    this.#server = server;
    this.sql = new SQL({
      adapter: "postgres",
      path: join(folder, ".s.PGSQL.5432"),
      username: "reports",
      database: "postgres",
      max: 1,
    });
  }

  static async start(): Promise<Postgres> {
    const newest = readdirSync(versions).toSorted((a, b) => Number(b) - Number(a))[0] ?? "";
    const program = (name: string): string => `${versions}/${newest}/bin/${name}`;
    const folder = mkdtempSync(join(tmpdir(), "nethsec-postgres-"));
    chownSync(folder, uid, gid);
    const who = { uid, gid, cwd: folder, env: { PATH: "/usr/bin:/bin", LC_ALL: "C.UTF-8", TZ: "UTC" } };
    const options = ["-D", join(folder, "data"), "-U", "reports", "-A", "trust", "-E", "UTF8", "-N"];
    const made = spawnSync(program("initdb"), options, { ...who, encoding: "utf8", timeout: paced(60_000) });
    if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}${String(made.error ?? "")}`);
    const settings = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "timezone=UTC"];
    const server = spawn(program("postgres"), ["-D", join(folder, "data"), "-k", folder, ...settings], {
      ...who,
      stdio: "ignore",
    });
    const postgres = new Postgres(folder, server);
    await until(async () => (await postgres.sql.unsafe("SELECT 1")).length === 1, {
      what: "PostgreSQL answers",
      timeoutMs: paced(30_000),
      everyMs: 100,
    });
    return postgres;
  }

  /** Rows of a query in the form that the controller's pages receive: JSON, integers beyond 2^53 as text. */
  async rows(query: string, values: readonly string[] = []): Promise<Row[]> {
    const found: { row: string }[] = await this.sql.unsafe(
      `SELECT to_jsonb(found.*)::text AS row FROM (${query}) found`,
      [...values],
    );
    return found.map(({ row }) => rowOf(decodeFirst(Buffer.from(row), Infinity)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sql.close();
    const ended = new Promise((resolve) => this.#server.once("exit", resolve));
    this.#server.kill("SIGINT");
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function rowOf(value: GoJson): Row {
  if (!(value instanceof Map)) throw new Error("a row is an object");
  const columns: [string, string | number][] = [];
  for (const [name, column] of value) {
    const isWhole = column instanceof GoNumber && /^-?\d+$/.test(column.raw);
    columns.push([
      name,
      isWhole ? shown(BigInt(column.raw)) : String(column instanceof GoNumber ? column.raw : column),
    ]);
  }
  return Object.fromEntries(columns);
}

const isTime = (name: string): boolean => name === "timestamp";
const columnOf = (name: string): string => (isTime(name) ? "time" : name);

export class PostgresReports implements Reports {
  readonly #postgres: Postgres;
  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  async create(): Promise<void> {
    for (const { name, entry, key, country } of Object.values(tables)) {
      const columns = Object.entries(entry).map(
        ([member, kind]) =>
          `${columnOf(member)} ${isTime(member) ? "timestamptz" : kind === "string" ? "text" : "bigint"} NOT NULL`,
      );
      if (country) columns.push("country text NOT NULL DEFAULT ''");
      columns.push(
        key.length > 0
          ? `PRIMARY KEY (${["uuid", ...key.map(columnOf)].join(", ")})`
          : "created_at timestamp NOT NULL DEFAULT now()",
      );
      await this.#postgres.sql.unsafe(`CREATE TABLE ${name} (uuid uuid NOT NULL, ${columns.join(", ")})`);
    }
    await this.#postgres.sql.unsafe(
      "CREATE TABLE units (uuid uuid PRIMARY KEY, name text, created_at timestamp NOT NULL DEFAULT now())",
    );
  }

  async clear(): Promise<void> {
    await this.#postgres.sql.unsafe(
      `TRUNCATE ${Object.values(tables)
        .map(({ name }) => name)
        .join(", ")}`,
    );
  }

  async ingest(table: Table, unit: string, entries: readonly Fields[]): Promise<boolean> {
    const { sql } = this.#postgres;
    const isOne = table.key.length > 0;
    await sql.unsafe(isOne ? "BEGIN" : `DELETE FROM ${table.name} WHERE uuid = $1::text::uuid`, isOne ? [] : [unit]);
    try {
      for (const entry of entries) if (!isSkipped(table, entry)) await sql.unsafe(...insertion(table, unit, entry));
    } catch {
      if (isOne) await sql.unsafe("ROLLBACK");
      return false;
    }
    if (isOne) await sql.unsafe("COMMIT");
    return true;
  }
}

function insertion(
  { name, entry, key, replaced }: Table,
  unit: string,
  fields: Fields,
): [query: string, values: string[]] {
  const members = Object.keys(entry);
  const values = members.map((member, index) => {
    const given = `$${index + 2}::text`;
    if (isTime(member))
      return `'2000-01-01 00:00:00+00'::timestamptz + make_interval(days => (${given}::bigint / 86400)::int, secs => (${given}::bigint % 86400)::int)`;
    return entry[member] === "string" ? given : `${given}::bigint`;
  });
  const updates = replaced.map((column) => `${column} = excluded.${column}`).join(", ");
  const conflict =
    key.length === 0
      ? ""
      : `ON CONFLICT (uuid, ${key.map(columnOf).join(", ")}) DO ${replaced.length === 0 ? "NOTHING" : `UPDATE SET ${updates}`}`;
  const texts = members.map((member) => {
    const value = fields[member] ?? "";
    return isTime(member) ? String(microsSince2000(BigInt(value)) / 1_000_000n) : String(value);
  });
  return [
    `INSERT INTO ${name} (uuid, ${members.map(columnOf).join(", ")}) VALUES ($1::text::uuid, ${values.join(", ")}) ${conflict}`,
    [unit, ...texts],
  ];
}
