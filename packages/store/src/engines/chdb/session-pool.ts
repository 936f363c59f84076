/**
 * Sessions of chDB, one call at a time each.
 *
 * A Session whose call failed keeps the rows it had already made and gives them to the next call in front of its own, or answers with
 * "Unknown packet"; a Session that got a SET keeps it. Both are closed and replaced, which costs 0.1 to 2 ms.
 */
import { Session } from "chdb";

export interface SessionUse {
  readonly session: Session;
  /** Say so before a SET: the Session is not used again. */
  spoil(): void;
}

export class SessionPool {
  readonly #open: () => Promise<Session>;
  readonly #maxIdle: number;
  readonly #idle: Session[] = [];
  #closed = false;

  /** @param options.open  makes a Session with everything set that its calls expect */
  constructor(options: { readonly open: () => Promise<Session>; readonly maxIdle: number }) {
    this.#open = options.open;
    this.#maxIdle = options.maxIdle;
  }

  /** Runs one call on a Session that no other call uses, and keeps the Session only if the call succeeded. */
  async use<T>(call: (use: SessionUse) => Promise<T>): Promise<T> {
    const session = this.#idle.pop() ?? (await this.#open());
    let spoiled = false;
    const spoil = () => {
      spoiled = true;
    };
    try {
      const result = await call({ session, spoil });
      if (spoiled || this.#closed || this.#idle.length >= this.#maxIdle) session.close();
      else this.#idle.push(session);
      return result;
    } catch (error) {
      void discard(session);
      throw error;
    }
  }

  /** Closes what is idle; Sessions in use close when their call ends. */
  close(): void {
    this.#closed = true;
    for (const session of this.#idle.splice(0)) session.close();
  }
}

/**
 * Closes a Session whose call failed. The failed query stays in system.processes, its memory with it, until the Session runs another
 * statement or is really closed; chdb puts the closing off while any other call of the process runs.
 */
async function discard(session: Session): Promise<void> {
  // After a failed insert this statement fails too, and has had its effect.
  await session.queryAsync("SELECT 1").catch(() => undefined);
  session.close();
}

/** A Session on the directory; the first of a process starts the engine with this configuration, later ones share it. */
export function openSession(path: string, configFile: string): Session {
  return new Session(path, { connectionArgs: [`--config-file=${configFile}`] });
}
