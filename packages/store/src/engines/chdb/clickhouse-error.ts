/**
 * Errors in the shape of ClickHouse's HTTP interface.
 *
 * @see ClickHouse, src/Server/HTTPHandler.cpp and src/Server/HTTP/exceptionCodeToHTTPStatus.cpp
 */

/** Codes that the front itself raises; the engine's own are taken from its messages. */
export const errorTypes = {
  NOT_IMPLEMENTED: 48,
  SYNTAX_ERROR: 62,
  UNKNOWN_FORMAT: 73,
  UNKNOWN_TYPE_OF_QUERY: 78,
  INCORRECT_DATA: 117,
  INTO_OUTFILE_NOT_ALLOWED: 128,
  READONLY: 164,
  TOO_MANY_SIMULTANEOUS_QUERIES: 202,
  ABORTED: 236,
  TOO_MANY_BYTES: 307,
  QUERY_WAS_CANCELLED: 394,
  UNKNOWN_QUERY_PARAMETER: 456,
  AUTHENTICATION_FAILED: 516,
  STD_EXCEPTION: 1001,
} as const;

export type ErrorType = keyof typeof errorTypes;

export const MEMORY_LIMIT_EXCEEDED = 241;
export const TOO_MANY_ROWS_OR_BYTES = 396;

/** An error as ClickHouse words it. */
export class ClickHouseException extends Error {
  readonly code: number;

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** An error of the front. */
export function exception(type: ErrorType, sentence: string): ClickHouseException {
  const code = errorTypes[type];
  return new ClickHouseException(code, `Code: ${code}. DB::Exception: ${sentence} (${type})`);
}

/** Any error as a ClickHouse exception; the code is read from messages of the engine. */
export function toException(error: unknown): ClickHouseException {
  if (error instanceof ClickHouseException) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = /Code: (\d+)/.exec(message)?.[1];
  if (code !== undefined) return new ClickHouseException(Number(code), message, { cause: error });
  return new ClickHouseException(
    errorTypes.STD_EXCEPTION,
    `Code: ${errorTypes.STD_EXCEPTION}. DB::Exception: ${message} (STD_EXCEPTION)`,
    { cause: error },
  );
}

const statusByCode: ReadonlyMap<number, number> = new Map([
  ...[6, 27, 38, 41, 42, 43, 47, 50, 53, 62, 70, 72, 73, 117, 128, 130, 131, 306, 456].map(
    (code) => [code, 400] as const,
  ),
  ...[60, 81, 46, 115].map((code) => [code, 404] as const),
  [48, 501],
  [159, 408],
  [164, 403],
  [202, 429],
  [236, 503],
  [307, 413],
  [497, 403],
  [516, 403],
]);

/** HTTP status for an exception's code; 500 unless it is known better. */
export function statusOf(code: number): number {
  return statusByCode.get(code) ?? 500;
}
