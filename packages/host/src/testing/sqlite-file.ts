/** A SQLite database as another program leaves it behind, for tests of what reads it. */
import { Database } from "bun:sqlite";

/** Runs the statements on the database at the real path `path`, which is made if it is missing. */
export function changeDatabase(path: string, statements: readonly string[]): void {
  using database = new Database(path, { create: true });
  for (const statement of statements) database.run(statement);
}
