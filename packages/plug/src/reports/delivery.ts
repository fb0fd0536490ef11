/**
 * Delivery of one dump's rows. An answer that will never change (400) is told apart from "later" (no connection, 401, 429, 5xx): then the rows are split until
 * the one is found that the controller does not take, and everything else arrives.
 */
import { NethsecError } from "@nethsec/host/error";
import { HttpError } from "@nethsec/host/http/http";
import type { Host } from "@nethsec/host/host";
import { batches, maxBodyBytes } from "./ingest.ts";
import { isSetAside, setAside } from "./refusals.ts";

/** So many rows refused one after the other, and none taken: then it is the controller, not the rows. */
const suspicious = 20;

export type Send = (dump: string, body: unknown) => Promise<void>;

export interface Delivery {
  /** All rows of a dump that adds to what was there. */
  rows(dump: string, rows: readonly unknown[]): Promise<void>;
  /** All rows of a dump that replaces what was there. */
  all(dump: string, rows: readonly unknown[]): Promise<void>;
}

/** `isStoring` throws unless the controller stores something harmless: it answers 400 also when its database is away. */
export function delivery(host: Pick<Host, "files" | "log">, send: Send, isStoring: () => Promise<void>): Delivery {
  const refusedInARow = new Map<string, number>();

  /** The controller's word when it refuses `rows` for good; undefined when it took them. */
  const refusal = async (dump: string, rows: readonly unknown[]): Promise<string | undefined> => {
    try {
      await send(dump, { data: rows });
    } catch (error) {
      const why = refusalOf(error);
      if (why === undefined) throw error;
      return why;
    }
    refusedInARow.set(dump, 0);
    return undefined;
  };

  const refuse = async (dump: string, row: unknown, why: string): Promise<void> => {
    await isStoring();
    const inARow = (refusedInARow.get(dump) ?? 0) + 1;
    refusedInARow.set(dump, inARow);
    if (inARow > suspicious) {
      throw new NethsecError({
        code: "dump_refused",
        message: `The controller takes no row of ${dump} (${why}); its rows wait.`,
        advice: "Compare the versions of the controller and of this unit.",
      });
    }
    setAside(host, dump, row, why);
  };

  const split = async (dump: string, rows: readonly unknown[]): Promise<void> => {
    const why = await refusal(dump, rows);
    if (why === undefined) return;
    if (rows.length === 1) return refuse(dump, rows[0], why);
    const half = Math.ceil(rows.length / 2);
    await split(dump, rows.slice(0, half));
    await split(dump, rows.slice(half));
  };

  /** Without those that were refused before, or are too large for any request. */
  const sendable = async (dump: string, rows: readonly unknown[]): Promise<readonly unknown[]> => {
    const isKnown = isSetAside(host);
    const isTooLarge = (row: unknown): boolean => Buffer.byteLength(JSON.stringify(row)) >= maxBodyBytes;
    const wanted = rows.filter((row) => !isKnown(dump, row));
    for (const row of wanted) if (isTooLarge(row)) setAside(host, dump, row, "too large for a request");
    return wanted.filter((row) => !isTooLarge(row));
  };

  return {
    rows: async (dump, rows) => {
      for (const batch of batches(await sendable(dump, rows))) await split(dump, batch);
    },
    all: async (dump, rows) => {
      const wanted = await sendable(dump, rows);
      const why = await refusal(dump, wanted);
      if (why === undefined) return;
      // Each request replaces what the one before stored: first find the rows that are taken, then send these together.
      const taken: unknown[] = [];
      for (const row of wanted) {
        const said = await refusal(dump, [row]);
        if (said === undefined) taken.push(row);
        else await refuse(dump, row, said);
      }
      await send(dump, { data: taken });
    },
  };
}

/** What the controller says when it will never take a body; undefined: later. */
function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof HttpError) || error.status !== 400) return undefined;
  const { code, message } = answerOf(error.body);
  // 404 in the body: it does not know the unit, or the dump (recorded: "unit not found", "metric not found").
  return code === 404 ? undefined : `the controller answers 400: ${message}`;
}

function answerOf(body = ""): { readonly code: unknown; readonly message: string } {
  try {
    const { code, message }: { code?: unknown; message?: unknown } = Object(JSON.parse(body));
    return { code, message: typeof message === "string" ? message : "no reason" };
  } catch {
    return { code: undefined, message: "no reason" };
  }
}
