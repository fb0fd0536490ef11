/** Turns all problems of a refused change into one error, one line per problem. */
import { NethsecError } from "@nethsec/host/error";
import { RequirementsError } from "../change/node-changes.ts";

/** Runs `work`; converts its {@link RequirementsError} into an error that lists every problem below `title`. */
export async function listing<T>(title: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RequirementsError)) throw error;
    const [first] = error.problems;
    const lines = error.problems.map(({ message }) => `  - ${message}`);
    throw new NethsecError({
      code: first?.code ?? "validation",
      message: `${title}\n${lines.join("\n")}`,
      cause: error,
    });
  }
}
