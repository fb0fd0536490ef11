import * as v from "valibot";
import type { Files } from "../host.ts";

/** Reads the JSON file `path`; undefined if it is missing, incomplete or not of the expected form. */
export function readJson<Schema extends v.GenericSchema>(
  files: Pick<Files, "readText">,
  path: string,
  schema: Schema,
): v.InferOutput<Schema> | undefined {
  const text = files.readText(path);
  if (text === undefined) return undefined;
  try {
    const parsed = v.safeParse(schema, JSON.parse(text));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}
