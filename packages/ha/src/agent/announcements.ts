/** Announces the addresses of this node once more after another node had them. */
import type { Host } from "@nethsec/host/host";

/** Each after the one before: the other node needs a moment to take its interfaces down. */
const delaysMs = [200, 800, 2000, 3000];

interface AnnouncementParts {
  readonly isMaster: () => boolean;
  readonly announce: () => void;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
}

export class Announcements {
  readonly #host: Pick<Host, "clock" | "log">;
  readonly #parts: AnnouncementParts;
  #until = Number.NEGATIVE_INFINITY;

  constructor(host: Pick<Host, "clock" | "log">, parts: AnnouncementParts) {
    this.#host = host;
    this.#parts = parts;
  }

  /** Another node had our addresses until now, and lets go of them in a moment. */
  async again(): Promise<void> {
    const { clock, log } = this.#host;
    const { isMaster, announce, signal } = this.#parts;
    if (!isMaster() || clock.monotonic() < this.#until) return;
    this.#until = clock.monotonic() + (delaysMs.at(-1) ?? 0);
    log("info", "another node had the addresses of this one: they are announced again");
    for (const delay of delaysMs) {
      await clock.sleep(delay, signal).catch(() => undefined);
      if (signal.aborted) return;
      announce();
    }
  }
}
