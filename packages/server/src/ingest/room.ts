/**
 * A bounded number of bytes that callers wait for in turn.
 */
import { SightlineError } from "@sightline/wire/errors";

/** Nobody waits longer: a client that is told to come back is better off than one that is kept. */
const MAX_WAIT_MS = 5000;

interface Guest {
  readonly bytes: number;
  readonly enter: (hasRoom: boolean) => void;
}

export class Room {
  readonly #maxBytes: number;
  readonly #maxWaitMs: number;
  readonly #guests = new Set<Guest>();
  #used = 0;

  constructor(maxBytes: number, maxWaitMs = MAX_WAIT_MS) {
    this.#maxBytes = maxBytes;
    this.#maxWaitMs = maxWaitMs;
  }

  get usedBytes(): number {
    return this.#used;
  }

  /**
   * Takes bytes. Whoever is alone always gets them: else a request larger than the room could never be served.
   *
   * @param mode  `try` gives false when there is no room, `wait` waits in turn
   * @returns whether the bytes were taken; false also when {@link letAllIn} was called meanwhile
   * @throws INGEST_OVERLOADED after a wait of five seconds
   */
  async take(bytes: number, mode: "try" | "wait"): Promise<boolean> {
    if (this.#guests.size === 0 && this.#fits(bytes)) {
      this.#used += bytes;
      return true;
    }
    return mode === "wait" && this.#wait(bytes);
  }

  /** Gives bytes back and lets in who fits now. */
  give(bytes: number): void {
    this.#used -= bytes;
    for (const guest of this.#guests) {
      if (!this.#fits(guest.bytes)) break;
      this.#guests.delete(guest);
      this.#used += guest.bytes;
      guest.enter(true);
    }
  }

  /** Sends everyone who waits on without room. */
  letAllIn(): void {
    for (const guest of this.#guests) guest.enter(false);
    this.#guests.clear();
  }

  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.#maxBytes;
  }

  #wait(bytes: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#guests.delete(guest);
        reject(
          new SightlineError(
            "INGEST_OVERLOADED",
            `Spans come faster than they can be stored: ${this.#used} of ${this.#maxBytes} bytes wait. Send the same spans again after the time in Retry-After.`,
          ),
        );
      }, this.#maxWaitMs);
      const guest: Guest = {
        bytes,
        enter: (hasRoom) => {
          clearTimeout(timer);
          resolve(hasRoom);
        },
      };
      this.#guests.add(guest);
    });
  }
}
