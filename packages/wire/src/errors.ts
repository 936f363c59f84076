/**
 * The error table: every error a user can meet, once.
 *
 * Own routes answer `{ error: { code, message, details?, requestId } }`; MLflow routes answer `{ error_code, message }` with
 * the code of the `mlflow` column.
 */

interface ErrorRow {
  /** HTTP status of the answer. */
  readonly status: number;
  /** `error_code` on MLflow's routes. */
  readonly mlflow: string;
  /** What the code means, for the reference page. */
  readonly sentence: string;
}

export const errorTable = {
  BAD_REQUEST: { status: 400, mlflow: "BAD_REQUEST", sentence: "The request cannot be read." },
  INVALID_PARAMETER: {
    status: 400,
    mlflow: "INVALID_PARAMETER_VALUE",
    sentence: "A field is missing or has a wrong value.",
  },
  BAD_FILTER: { status: 400, mlflow: "INVALID_PARAMETER_VALUE", sentence: "The filter cannot be understood." },
  BAD_PAGE_TOKEN: {
    status: 400,
    mlflow: "INVALID_PARAMETER_VALUE",
    sentence: "The page token is not one that this server gave.",
  },
  EXPERIMENT_DELETED: {
    status: 400,
    mlflow: "INVALID_PARAMETER_VALUE",
    sentence: "The experiment is deleted; restore it first.",
  },
  RUN_DELETED: {
    status: 400,
    mlflow: "INVALID_PARAMETER_VALUE",
    sentence: "The run is deleted, or the experiment it is in; restore it first.",
  },
  PARAM_CHANGED: {
    status: 400,
    mlflow: "INVALID_PARAMETER_VALUE",
    sentence: "The run has this param with another value; a param that was logged does not change.",
  },
  // Not 503: clients repeat those by themselves, and the same question would take as long again.
  QUERY_TOO_SLOW: { status: 400, mlflow: "BAD_REQUEST", sentence: "The question takes more time than it may." },
  OTLP_MALFORMED: { status: 400, mlflow: "BAD_REQUEST", sentence: "The body is not an OTLP trace export request." },
  UNAUTHENTICATED: { status: 401, mlflow: "UNAUTHENTICATED", sentence: "The request needs credentials." },
  FORBIDDEN_ORIGIN: { status: 403, mlflow: "PERMISSION_DENIED", sentence: "The Host or Origin header is not allowed." },
  NOT_FOUND: { status: 404, mlflow: "ENDPOINT_NOT_FOUND", sentence: "There is nothing at this address." },
  TRACE_NOT_FOUND: { status: 404, mlflow: "RESOURCE_DOES_NOT_EXIST", sentence: "No trace has this id." },
  SESSION_NOT_FOUND: { status: 404, mlflow: "RESOURCE_DOES_NOT_EXIST", sentence: "No session has this id." },
  SPAN_NOT_FOUND: { status: 404, mlflow: "RESOURCE_DOES_NOT_EXIST", sentence: "The trace has no span with this id." },
  ASSESSMENT_NOT_FOUND: {
    status: 404,
    mlflow: "RESOURCE_DOES_NOT_EXIST",
    sentence: "The trace has no assessment with this id.",
  },
  PRICE_NOT_FOUND: {
    status: 404,
    mlflow: "RESOURCE_DOES_NOT_EXIST",
    sentence: "No price that people set has this id.",
  },
  EXPERIMENT_NOT_FOUND: {
    status: 404,
    mlflow: "RESOURCE_DOES_NOT_EXIST",
    sentence: "No experiment has this id or name.",
  },
  RUN_NOT_FOUND: { status: 404, mlflow: "RESOURCE_DOES_NOT_EXIST", sentence: "No run has this id." },
  JOB_NOT_FOUND: { status: 404, mlflow: "RESOURCE_DOES_NOT_EXIST", sentence: "No job has this id." },
  ATTACHMENT_NOT_FOUND: {
    status: 404,
    mlflow: "RESOURCE_DOES_NOT_EXIST",
    sentence: "The trace has no attachment with this id.",
  },
  METHOD_NOT_ALLOWED: { status: 405, mlflow: "BAD_REQUEST", sentence: "This address does not take this method." },
  EXPERIMENT_EXISTS: {
    status: 409,
    mlflow: "RESOURCE_ALREADY_EXISTS",
    sentence: "An experiment with this name exists.",
  },
  ATTACHMENT_EXISTS: {
    status: 409,
    mlflow: "RESOURCE_ALREADY_EXISTS",
    sentence: "The trace has an attachment of this id with other bytes.",
  },
  JOB_ENDED: { status: 409, mlflow: "INVALID_PARAMETER_VALUE", sentence: "The job has ended already." },
  BODY_TOO_LARGE: { status: 413, mlflow: "INVALID_PARAMETER_VALUE", sentence: "The body is over the limit." },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    mlflow: "BAD_REQUEST",
    sentence: "The Content-Type or Content-Encoding is not supported.",
  },
  RANGE_NOT_SATISFIABLE: {
    status: 416,
    mlflow: "BAD_REQUEST",
    sentence: "The Range header asks for bytes that are not there.",
  },
  INGEST_OVERLOADED: {
    status: 429,
    mlflow: "RESOURCE_EXHAUSTED",
    sentence: "The write buffer is full; try again after Retry-After seconds.",
  },
  INTERNAL_ERROR: {
    status: 500,
    mlflow: "INTERNAL_ERROR",
    sentence: "The server failed; the request id is in its log.",
  },
  // Not 503: asking again does not help.
  ATTACHMENTS_UNAVAILABLE: {
    status: 501,
    mlflow: "BAD_REQUEST",
    sentence: "The server has no data directory to keep attachments in.",
  },
  STORE_UNAVAILABLE: {
    status: 503,
    mlflow: "TEMPORARILY_UNAVAILABLE",
    sentence: "A storage engine is starting, stopping or out of reach.",
  },
  STORAGE_FULL: { status: 503, mlflow: "TEMPORARILY_UNAVAILABLE", sentence: "The disk is full; nothing was written." },
  SHUTTING_DOWN: { status: 503, mlflow: "TEMPORARILY_UNAVAILABLE", sentence: "The server is stopping." },
  SERVER_UNREACHABLE: {
    status: 503,
    mlflow: "TEMPORARILY_UNAVAILABLE",
    sentence: "Said by clients: the server does not answer.",
  },
  // Met in the `error` of a job, never as an answer.
  JOB_GAVE_UP: {
    status: 500,
    mlflow: "INTERNAL_ERROR",
    sentence: "The server ended several times while it ran this job.",
  },
  BACKUP_NOT_FOUND: { status: 404, mlflow: "RESOURCE_DOES_NOT_EXIST", sentence: "No backup has this name." },
  BACKUP_EXISTS: { status: 409, mlflow: "RESOURCE_ALREADY_EXISTS", sentence: "A backup with this name exists." },
  BACKUP_UNUSABLE: {
    status: 500,
    mlflow: "INTERNAL_ERROR",
    sentence: "A backup is damaged, not whole, or of a newer version.",
  },
  STORE_NOT_EMPTY: {
    status: 500,
    mlflow: "INTERNAL_ERROR",
    sentence: "A backup cannot be restored where there is data already.",
  },
  // Met on the command line when the server is started, never in an answer.
  BAD_SETTING: { status: 500, mlflow: "INTERNAL_ERROR", sentence: "A setting has a value that cannot be used." },
  // Met when a class is defined, never in an answer.
  BAD_DECORATOR: { status: 500, mlflow: "INTERNAL_ERROR", sentence: "A decorator stands where it cannot work." },
  PORT_IN_USE: { status: 500, mlflow: "INTERNAL_ERROR", sentence: "The server cannot listen at its address." },
  DATA_DIR_IN_USE: { status: 500, mlflow: "INTERNAL_ERROR", sentence: "Another server uses the data directory." },
  DATA_DIR_UNUSABLE: {
    status: 500,
    mlflow: "INTERNAL_ERROR",
    sentence: "The data directory cannot be made or written to, or its disk is nearly full.",
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

/**
 * An error that a user meets: a code of {@link errorTable}, a sentence that says what happened, with which value, and what to do.
 *
 * `details` is shown to the user as JSON (for BAD_FILTER: `{ position, length, expected }`).
 */
export class SightlineError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, unknown> | undefined;
  /** Seconds after which the same request may succeed; sent as Retry-After. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; details?: Record<string, unknown>; retryAfterSeconds?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "SightlineError";
    this.code = code;
    this.details = options.details;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  /** HTTP status of the answer. */
  get status(): number {
    return errorTable[this.code].status;
  }
}
