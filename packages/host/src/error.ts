/** Operating errors: what was attempted, why it failed, what to do next. Programming errors are plain `Error`s and crash. */
export interface ErrorFacts {
  /** Stable, snake_case; read by programs (the web interface, tests). */
  readonly code: string;
  /** One sentence for the administrator: what happened, and where. */
  readonly message: string;
  /** What to do next; may name a command. */
  readonly advice?: string;
  /** Exit code of a command that fails with this error; default 1. */
  readonly exitCode?: number;
  readonly cause?: unknown;
}

export class NethsecError extends Error {
  readonly code: string;
  readonly advice: string | undefined;
  readonly exitCode: number;
  constructor(facts: ErrorFacts) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = new.target.name;
    this.code = facts.code;
    this.advice = facts.advice;
    this.exitCode = facts.exitCode ?? 1;
  }
}

/** Wrong arguments on the command line: exit code 2, printed with an example. */
export class UsageError extends NethsecError {
  constructor(message: string, advice?: string) {
    super({ code: "usage", message, exitCode: 2, ...(advice === undefined ? {} : { advice }) });
  }
}
