/**
 * Sees to it that the data does not outgrow its disk: makes room by the stated policy, and refuses spans before an engine meets a
 * full disk.
 *
 * Policy `delete-oldest`: from {@link START_SHARE} of the cap on, a job deletes the oldest traces until {@link TARGET_SHARE} is reached;
 * at the cap spans are refused until there is room. Policy `refuse`: at the cap spans are refused until somebody makes room.
 */
import type { DISK_POLICIES } from "@sightline/wire/api/storage";
import { SightlineError } from "@sightline/wire/errors";
import type { Jobs } from "../jobs/jobs.ts";
import type { Clock } from "./clock.ts";
import { type DataPlaces, measureDisk, measureUsage } from "./disk-usage.ts";
import { FREE_DISK } from "./free-disk.ts";

export const START_SHARE = 0.95;
export const TARGET_SHARE = 0.9;

/** Measuring asks both engines and looks at a thousand files, 30 ms of work. */
const MEASURE_EVERY_MS = 10_000;
/** After a job that found nothing to delete, the next one waits this long. */
const RETRY_AFTER_MS = 10 * 60_000;
/** Bytes that may be written before the disk is measured again. */
const MEASURE_EVERY_BYTES = 64 * 1024 * 1024;
/** A client that is refused for want of room should not ask again at once. */
const RETRY_AFTER_SECONDS = 30;

export type DiskPolicy = (typeof DISK_POLICIES)[number];

/** Without a data directory there is no disk of ours to watch, and only the cap holds. */
export interface DiskGuardOptions extends DataPlaces {
  readonly jobs: Pick<Jobs, "start" | "list">;
  readonly clock: Clock;
  readonly minFreeBytes: number;
  /** Undefined = no cap. */
  readonly maxBytes: number | undefined;
  readonly policy: DiskPolicy;
  readonly onEvent: (sentence: string) => void;
}

export interface DiskGuard {
  /** @throws STORAGE_FULL while spans are not to be taken */
  admit(): void;
  /**
   * The same for bytes that are written without waiting in the journal: measures anew when many have come since.
   *
   * @throws STORAGE_FULL
   */
  admitBytes(bytes: number): Promise<void>;
  /** Why spans are not taken; undefined while they are. */
  readonly refusal: string | undefined;
  /** Measures now, and does what the policy says. */
  check(): Promise<void>;
  open(): void;
  close(): Promise<void>;
}

export function createDiskGuard(options: DiskGuardOptions): DiskGuard {
  const { clock, onEvent } = options;
  let refusal: string | undefined;
  let checking: Promise<void> | undefined;
  let stop: (() => void) | undefined;
  let unmeasured = 0;
  const check = (): Promise<void> => {
    unmeasured = 0;
    checking ??= look(options)
      .then((found) => {
        if (found !== refusal) onEvent(found ?? "There is room on the disk again; spans are taken.");
        refusal = found;
      })
      .finally(() => {
        checking = undefined;
      });
    return checking;
  };
  const checkQuietly = () => {
    // Engines that restart answer the next time; what was known stays until then.
    check().catch((error: unknown) => onEvent(`The disk's usage could not be measured (${String(error)}).`));
  };
  const admit = () => {
    if (refusal === undefined) return;
    throw new SightlineError("STORAGE_FULL", refusal, { retryAfterSeconds: RETRY_AFTER_SECONDS });
  };
  return {
    admit,
    async admitBytes(bytes) {
      unmeasured += bytes;
      if (unmeasured >= MEASURE_EVERY_BYTES) await check();
      admit();
    },
    get refusal() {
      return refusal;
    },
    check,
    open() {
      stop ??= clock.every(MEASURE_EVERY_MS, checkQuietly);
      checkQuietly();
    },
    async close() {
      stop?.();
      await checking?.catch((error: unknown) => onEvent(`The disk's usage could not be measured (${String(error)}).`));
    },
  };
}

/** Starts the job that makes room, if there is to be one. @returns why spans are refused, if they are */
async function look(options: DiskGuardOptions): Promise<string | undefined> {
  const { dataDir, minFreeBytes, maxBytes, policy } = options;
  const nearlyFull = dataDir === undefined ? undefined : await whyNearlyFull(dataDir, minFreeBytes);
  if (nearlyFull !== undefined) return nearlyFull;
  if (maxBytes === undefined) return undefined;
  const { total } = await measureUsage(options);
  if (policy === "delete-oldest" && total >= maxBytes * START_SHARE) {
    await startFreeing(options, Math.floor(maxBytes * TARGET_SHARE));
  }
  if (total < maxBytes) return undefined;
  const next =
    policy === "delete-oldest"
      ? "The oldest traces are being deleted; try again."
      : "Delete traces, or raise SIGHTLINE_MAX_DISK_BYTES.";
  return `The data takes ${inMegabytes(total)}, over the ${inMegabytes(maxBytes)} of SIGHTLINE_MAX_DISK_BYTES; no spans are taken. ${next}`;
}

/** Why the disk of a folder is too full to take spans; undefined if it has at least `minFreeBytes` free. */
export async function whyNearlyFull(dir: string, minFreeBytes: number): Promise<string | undefined> {
  const { freeBytes } = await measureDisk(dir);
  if (freeBytes >= minFreeBytes) return undefined;
  return (
    `The disk of the data directory has ${inMegabytes(freeBytes)} free, under the ${inMegabytes(minFreeBytes)} of ` +
    "SIGHTLINE_MIN_FREE_DISK_BYTES; no spans are taken. Make room on the disk, or delete traces."
  );
}

async function startFreeing({ jobs, clock }: DiskGuardOptions, targetBytes: number): Promise<void> {
  const [latest] = await jobs.list({ kind: FREE_DISK, limit: 1 });
  if (latest !== undefined) {
    if (latest.endTime === undefined) return;
    const foundNothing = (latest.counts.traces ?? 0) === 0;
    if (foundNothing && Date.parse(latest.endTime) > clock.now() - RETRY_AFTER_MS) return;
  }
  await jobs.start(FREE_DISK, { targetBytes }, "disk-cap");
}

function inMegabytes(bytes: number): string {
  return `${Math.floor(bytes / 1e6)} MB`;
}
