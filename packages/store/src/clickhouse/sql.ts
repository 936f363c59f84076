/**
 * SQL in pieces: text and parameters stay apart until the driver.
 *
 * A template takes only other pieces, so a plain string cannot slip into the text; values enter by `param`.
 */

interface Parameter {
  readonly type: string;
  readonly value: ParameterValue;
}

/** Integers beyond 2^53 go as bigint. */
export type ParameterValue = string | number | bigint | readonly string[] | readonly number[];

export interface Sql {
  readonly pieces: readonly (string | Parameter)[];
}

/** Joins SQL pieces: ``sql`SELECT ${column} FROM ${table}` ``. */
export function sql(strings: TemplateStringsArray, ...parts: readonly Sql[]): Sql {
  const pieces = strings.flatMap((text, index) => [text, ...(parts[index]?.pieces ?? [])]);
  return { pieces };
}

/** A bound value. @param type  a ClickHouse type, e.g. `String`, `Array(String)`, `Float64` */
export function param(value: ParameterValue, type: string): Sql {
  return { pieces: [{ type, value }] };
}

/** Text of our own that is already SQL: column lists, expressions out of tables. Never anything a user wrote. */
export function raw(text: string): Sql {
  return { pieces: [text] };
}

/** Pieces with a separator between them; `empty` when there is none. */
export function join(parts: readonly Sql[], separator: string, empty: Sql = raw("")): Sql {
  if (parts.length === 0) return empty;
  return { pieces: parts.flatMap((part, index) => (index === 0 ? part.pieces : [separator, ...part.pieces])) };
}

/** All of the conditions; none is no condition. */
export function and(conditions: readonly Sql[]): Sql {
  return join(
    conditions.map((condition) => sql`(${condition})`),
    " AND ",
    raw("1"),
  );
}

export interface RenderedSql {
  /** With `{p0:Type}` where values go. */
  readonly text: string;
  readonly parameters: Record<string, ParameterValue>;
}

/**
 * The text and the parameters for the driver.
 *
 * @see https://clickhouse.com/docs/interfaces/http#cli-queries-with-parameters
 */
export function render(query: Sql): RenderedSql {
  const parameters: Record<string, ParameterValue> = {};
  let count = 0;
  const text = query.pieces
    .map((piece) => {
      if (typeof piece === "string") return piece;
      const name = `p${count}`;
      count += 1;
      parameters[name] = piece.value;
      return `{${name}:${piece.type}}`;
    })
    .join("");
  return { text, parameters };
}
