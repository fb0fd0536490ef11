/** Creates a SQLite database as another program would leave it, for tests of its readers. */
import { Database } from "bun:sqlite";

/** Runs the statements on the database at the real path `path`, which is created if missing. */
export function changeDatabase(path: string, statements: readonly string[]): void {
  using database = new Database(path, { create: true });
  for (const statement of statements) database.run(statement);
}
