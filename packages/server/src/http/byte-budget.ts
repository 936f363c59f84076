/**
 * A bound on the bytes that requests hold in memory together, from their first body byte until their spans are on disk.
 */
import { SightlineError } from "@sightline/wire/errors";

/** Bytes that one request holds; they are given back by {@link Reservation.release}. */
export interface Reservation {
  /** Adds bytes. @throws INGEST_OVERLOADED when the bound is reached; what was reserved before stays. */
  grow(bytes: number): void;
  /** Gives some of the bytes back. */
  shrink(bytes: number): void;
  /** Gives everything back; further calls do nothing. */
  release(): void;
}

export class ByteBudget {
  readonly #limit: number;
  #used = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  get usedBytes(): number {
    return this.#used;
  }

  /** A reservation of 0 bytes. A single request may go over the bound when it is alone: else it could never be served. */
  open(): Reservation {
    let own = 0;
    return {
      grow: (bytes) => {
        const others = this.#used - own;
        if (others > 0 && this.#used + bytes > this.#limit) {
          throw new SightlineError(
            "INGEST_OVERLOADED",
            `The write buffer is full: ${this.#used} of ${this.#limit} bytes wait for the disk. Send the same spans again after the time in Retry-After.`,
          );
        }
        own += bytes;
        this.#used += bytes;
      },
      shrink: (bytes) => {
        const given = Math.min(bytes, own);
        own -= given;
        this.#used -= given;
      },
      release: () => {
        this.#used -= own;
        own = 0;
      },
    };
  }
}
