/**
 * Who ended the spans of a request: this process, or one that is gone and left them in its spool.
 */
import { failureCount } from "../diagnostics.ts";
import { overhead } from "../overhead/meter.ts";
import type { Tally } from "./counters.ts";
import type { ProcessIdentity, ReportNumbers } from "./report.ts";
import type { Spool } from "./spool/spool.ts";

export interface Origin {
  readonly identity: ProcessIdentity;
  /** That of the last spans: where a report without spans goes. */
  experiment: string | undefined;
  /** Totals since the process began. */
  numbers(): ReportNumbers;
  /** The server has answered for good. */
  count(answer: { readonly sent: number; readonly refused: number }): void;
}

/** This process. */
export function ownOrigin(identity: ProcessIdentity, tally: Tally): Origin {
  return {
    identity,
    experiment: undefined,
    numbers: () => ({
      ended: tally.own.ended,
      dropped: tally.own.dropped,
      truncations: tally.own.truncations,
      retries: tally.own.retries,
      failures: failureCount(),
      mode: overhead.mode,
      overheadMs: Math.round(overhead.totalMs * 1000) / 1000,
    }),
    count: ({ sent, refused }) => {
      tally.add("sent", sent);
      tally.drop("refused", refused);
    },
  };
}

/** The process that a spool is of. */
export function goneOrigin({ state }: Spool, tally: Tally): Origin {
  const { version, ...identity } = state.header;
  return {
    identity,
    experiment: undefined,
    numbers: () => ({
      ended: state.get("ended"),
      dropped: {
        queueFull: state.get("queueFull"),
        refused: state.get("refused"),
        unsentAtExit: state.get("unsentAtExit"),
        broken: state.get("broken"),
      },
      truncations: state.get("truncations"),
      retries: state.get("retries"),
      failures: state.get("failures"),
      mode: "full",
      overheadMs: state.get("overheadMs"),
    }),
    count: ({ sent, refused }) => {
      // Written with the next settled batch; the last report has it in any case.
      state.set("refused", state.get("refused") + refused);
      tally.addSpool("recoveredSpans", sent);
      tally.addSpool("refusedSpans", refused);
    },
  };
}
