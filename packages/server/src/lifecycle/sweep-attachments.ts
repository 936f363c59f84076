/**
 * Attachments whose trace never came, and blobs that a crash left behind: looked for by a job, since no request asks for them.
 */
import type { FindMissingTraces } from "@sightline/store/attachments/attachment-store";
import * as z from "zod/mini";
import type { JobKind } from "../jobs/job-kind.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { Stores } from "../query/stores.ts";
import type { Clock } from "./clock.ts";

export const SWEEP_ATTACHMENTS = "sweep-attachments";

const CHECK_EVERY_MS = 3600 * 1000;

/** Which traces are not there, asked of everything that was acknowledged. */
export function findMissingTraces(stores: Pick<Stores, "telemetry">): FindMissingTraces {
  return (traceIds, call) => stores.telemetry.findMissingTraces(traceIds, call);
}

const Params = z.strictObject({});

/** Counts: `attachments` that had no trace, `bytesFreed`. */
export function sweepAttachmentsJob(stores: Stores): JobKind<z.infer<typeof Params>> {
  return {
    kind: SWEEP_ATTACHMENTS,
    params: Params,
    run: async (_params, { signal }) => ({
      ...(await stores.attachments.sweep(findMissingTraces(stores), { signal })),
    }),
  };
}

export interface AttachmentKeeper {
  /** Looks now and every hour. */
  open(): void;
  close(): Promise<void>;
}

export interface AttachmentKeeperParts {
  readonly stores: Stores;
  readonly jobs: Pick<Jobs, "start" | "list">;
  readonly clock: Clock;
  readonly onEvent: (sentence: string) => void;
}

/** Starts a sweep when attachments are a day old whose trace nobody has looked for, unless one waits or runs. */
export function createAttachmentKeeper({ stores, jobs, clock, onEvent }: AttachmentKeeperParts): AttachmentKeeper {
  let stop: (() => void) | undefined;
  // One look after another, or two would start the same job.
  let last: Promise<void> = Promise.resolve();
  const startIfDue = async () => {
    if (!(await stores.attachments.isSweepDue())) return;
    const underWay = await jobs.list({ states: ["queued", "running"], kind: SWEEP_ATTACHMENTS, limit: 1 });
    if (underWay.length === 0) await jobs.start(SWEEP_ATTACHMENTS, {}, "attachments");
  };
  const check = () => {
    last = last.then(startIfDue).catch((error: unknown) => {
      onEvent(
        `Attachments without a trace could not be looked for (${String(error)}); it is tried again within an hour.`,
      );
    });
  };
  return {
    open() {
      stop ??= clock.every(CHECK_EVERY_MS, check);
      check();
    },
    async close() {
      stop?.();
      await last;
    },
  };
}
