/** Error codes ("words") of the web interface: its pages know one code for each step that can fail, whatever the cause. */
import { NethsecError } from "@nethsec/host/error";
import { ValidationError } from "@nethsec/host/rpcd";

/** Runs `work`. Its NethsecErrors are rethrown with the code `word` and their own message, unless their code is in `known`. */
export async function asWord<Result>(
  word: string,
  work: () => Promise<Result> | Result,
  known: readonly string[] = [],
): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof NethsecError) || cause instanceof ValidationError || known.includes(cause.code)) throw cause;
    throw new NethsecError({
      code: word,
      message: cause.message,
      ...(cause.advice === undefined ? {} : { advice: cause.advice }),
      cause,
    });
  }
}
