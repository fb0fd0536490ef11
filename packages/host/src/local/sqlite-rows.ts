/** Reads rows of another program's SQLite database, read only. */
import { messageOf } from "../message-of.ts";
import { Database } from "bun:sqlite";
import { NethsecError } from "../error.ts";

export type SqliteRow = Readonly<Record<string, string | number | bigint | Uint8Array | null>>;

/** `path` is a real path (`files.real`). Pass values by `parameters`, never within `sql`. Waits at most a second for a writer's lock. */
export function sqliteRows(path: string, sql: string, parameters: readonly (string | number)[] = []): SqliteRow[] {
  try {
    using database = new Database(path, { readonly: true, create: false });
    database.run("PRAGMA busy_timeout = 1000");
    return database.query<SqliteRow, (string | number)[]>(sql).all(...parameters);
  } catch (cause) {
    throw new NethsecError({
      code: "database_unreadable",
      message: `The database ${path} cannot be read: ${messageOf(cause)}`,
      cause,
    });
  }
}
