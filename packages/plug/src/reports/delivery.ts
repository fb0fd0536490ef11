/**
 * Delivers the rows of one dump. A permanent refusal (400) is distinguished from a temporary failure (no connection, 401, 429, 5xx): after a refusal
 * the refused rows are found by bisection (in a replacing dump by sending each row alone), and all others are delivered.
 */
import { NethsecError } from "@nethsec/host/error";
import { HttpError } from "@nethsec/host/http/http";
import type { Host } from "@nethsec/host/host";
import { batches, maxBodyBytes } from "./ingest.ts";
import { isSetAside, setAside } from "./refusals.ts";

/** After more consecutive refusals than this, without an accepted row, the fault is assumed to be the controller's, not the rows'. */
const suspicious = 20;

export type Send = (dump: string, body: unknown) => Promise<void>;

export interface Delivery {
  /** Delivers rows of a dump that adds to the stored rows. */
  rows(dump: string, rows: readonly unknown[]): Promise<void>;
  /** Delivers all rows of a dump that replaces the stored rows. */
  all(dump: string, rows: readonly unknown[]): Promise<void>;
}

/** `isStoring` stores something harmless and throws if that fails: the controller answers 400 also when its database is down. */
export function delivery(host: Pick<Host, "files" | "log">, send: Send, isStoring: () => Promise<void>): Delivery {
  const refusedInARow = new Map<string, number>();

  /** Sends `rows`. Returns the reason of a permanent refusal, undefined when they were accepted; throws on a temporary failure. */
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

  /** `rows` without those refused before, and without those too large for a request, which are set aside. */
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
      // Each request replaces the rows stored by the previous one: first find the acceptable rows, then send these together.
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

/** Reason of a permanent refusal; undefined when the failure is temporary. */
function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof HttpError) || error.status !== 400) return undefined;
  const { code, message } = answerOf(error.body);
  // 404 in the body: the controller does not know the unit or the dump (recorded: "unit not found", "metric not found").
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
