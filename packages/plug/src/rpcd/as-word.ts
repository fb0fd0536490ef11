/** The error words of the web interface: whatever the reason, the page knows one word for the step that failed. */
import { NethsecError } from "@nethsec/host/error";
import { ValidationError } from "@nethsec/host/rpcd";

/** Does `work`; an operating error of it becomes `{"error": word}`, with its own sentence beside it. A word that is the error's own code stays. */
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
