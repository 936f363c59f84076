/**
 * A process that Sightline's SDK runs in: what it says of the spans that ended in it, and what of them came.
 */
import * as z from "zod/mini";

/**
 * Why an SDK dropped spans: its queue was full, the server refused them, the process ended before they were sent, or they could not be
 * encoded.
 */
export const DROP_REASONS = ["queueFull", "refused", "unsentAtExit", "broken"] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** What an SDK keeps of spans: everything; previews of inputs and outputs, because of its overhead; or only some traces as well. */
export const SDK_MODES = ["full", "previews", "sampling"] as const;

/** `silent`: nothing was heard of it for five minutes and it did not say goodbye. It may be idle; it may have been killed. */
export const SDK_PROCESS_STATES = ["running", "ended", "silent"] as const;

const Count = z.int().check(z.minimum(0));

/** Spans dropped since the process began, by reason. */
const Dropped = z.object({
  queueFull: z._default(Count, 0),
  refused: z._default(Count, 0),
  unsentAtExit: z._default(Count, 0),
  broken: z._default(Count, 0),
} satisfies Record<DropReason, unknown>);

/**
 * What the SDK says with every request, as JSON in the resource attribute {@link SDK_REPORT_KEY}. Counts are totals since the process
 * began: of two reports the later one has everything.
 */
export const SdkReport = z.object({
  v: z.literal(1),
  /** Sequence numbers of the ended spans in this request, e.g. `1-512,514`; "" if there are none. */
  seq: z.string(),
  /** Milliseconds since the epoch. */
  startTime: z._default(z.number(), 0),
  pid: z._default(Count, 0),
  host: z._default(z.string(), ""),
  /** E.g. `node 20.20.0`. */
  runtime: z._default(z.string(), ""),
  /** Version of the SDK. */
  sdk: z._default(z.string(), ""),
  /** Highest sequence number given so far. */
  ended: Count,
  dropped: z._default(Dropped, { queueFull: 0, refused: 0, unsentAtExit: 0, broken: 0 }),
  /** Payloads that were cut. */
  truncations: z._default(Count, 0),
  /** Requests that were sent again. */
  retries: z._default(Count, 0),
  /** How often the SDK itself failed; the traced code went on each time. */
  failures: z._default(Count, 0),
  mode: z._default(z.enum(SDK_MODES), "full"),
  /** Time that the SDK has taken on the path of the user's code. */
  overheadMs: z._default(z.number().check(z.minimum(0)), 0),
  /** Whether the SDK has sent all that it is going to. */
  final: z._default(z.boolean(), false),
});
export type SdkReport = z.infer<typeof SdkReport>;

/** Resource attribute with the {@link SdkReport}. */
export const SDK_REPORT_KEY = "sightline.sdk.report";
/** Resource attribute with the id of the process: a UUID for each process and destination. */
export const INSTANCE_ID_KEY = "service.instance.id";

export const SdkProcess = z.object({
  /** UUID. */
  instanceId: z.string(),
  /** "" when the process does not name one. */
  service: z.string(),
  host: z.string(),
  /** Process id; 0 = not known. */
  pid: z.number(),
  /** E.g. `node 20.20.0`. */
  runtime: z.string(),
  sdkVersion: z.string(),
  /** RFC 3339; absent = not known. */
  startTime: z.optional(z.string()),
  /** RFC 3339: when something last came from it. */
  lastSeenTime: z.string(),
  state: z.enum(SDK_PROCESS_STATES),
  /** Spans that ended in the process, as far as it has said. */
  spansEnded: z.number(),
  /** How many of them came. */
  spansReceived: z.number(),
  /** The difference, and what is known of it: `spans` = `dropped` + `unexplained` + `mayStillCome`. */
  missing: z.object({
    spans: z.number(),
    /** Explained by what the process says it dropped. */
    dropped: z.number(),
    /** Never came, and the process does not say why. */
    unexplained: z.number(),
    /** Ended a short time ago in a process that runs. */
    mayStillCome: z.number(),
    /** Whether the figures are exact; else gaps were too many to be kept apart, and more may be missing. */
    isExact: z.boolean(),
  }),
  /** As the process counts them. */
  dropped: z.object({ queueFull: z.number(), refused: z.number(), unsentAtExit: z.number(), broken: z.number() }),
  truncations: z.number(),
  retries: z.number(),
  failures: z.number(),
  mode: z.enum(SDK_MODES),
  overheadMs: z.number(),
  /** Experiments that it has sent spans to, at most 20. */
  experimentIds: z.array(z.string()),
  /** Whether spans were lost or dropped, or the SDK keeps less than everything. */
  hasProblem: z.boolean(),
  /** E.g. `Process checkout (pid 4242 on web-1): 3 of 1,204 spans never came: 2 because the queue was full, 1 for no known reason.` */
  summary: z.string(),
});
export type SdkProcess = z.infer<typeof SdkProcess>;
