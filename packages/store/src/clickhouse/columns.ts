/**
 * How the properties of an object lie in the columns of a table: one mapping a property, read and written by the same row.
 */
import { raw, type Sql } from "./sql.ts";

/** A value of a column as JSON has it. */
export type Cell = string | number | null | readonly string[] | Readonly<Record<string, string>>;

/** One property ⇄ one or more columns. */
export interface Mapping<Value> {
  readonly columns: readonly string[];
  /** What to select to read it, as many as there are columns; absent = the columns themselves. */
  readonly select?: readonly string[];
  write(value: Value): readonly Cell[];
  read(cells: readonly Cell[]): Value;
}

/** A mapping for every property of `T`, also the optional ones: a new property does not compile until it has a column. */
export type Mappings<T> = { readonly [K in keyof T]-?: Mapping<T[K]> };

/** A String column. */
export function text<Value extends string>(column: string): Mapping<Value> {
  // The column holds only what `write` put there, so what comes back is a `Value` again.
  return { columns: [column], write: (value) => [value], read: ([cell]) => String(cell) as Value };
}

/** A UInt32 or other small integer column. */
export function count(column: string): Mapping<number> {
  return { columns: [column], write: (value) => [value], read: ([cell]) => Number(cell) };
}

/** An Array(String) column. */
export function textList(column: string): Mapping<readonly string[]> {
  return { columns: [column], write: (value) => [value], read: ([cell]) => (isList(cell) ? cell : []) };
}

/** Whether a cell is a list; `Array.isArray` does not narrow readonly arrays. */
export function isList(cell: Cell | undefined): cell is readonly string[] {
  return Array.isArray(cell);
}

/** A Map(…, String) column. */
export function textMap(column: string): Mapping<Readonly<Record<string, string>>> {
  return {
    columns: [column],
    write: (value) => [value],
    read: ([cell]) => (typeof cell === "object" && cell !== null && !isList(cell) ? cell : {}),
  };
}

/**
 * A function that writes some properties as a row of JSON text (JSONEachRow), with cells for the `extra` columns behind.
 *
 * It joins the text itself: an object with forty properties made for JSON.stringify alone costs four times as much.
 */
export function rowWriter<T extends object, K extends keyof T>(
  mappings: Mappings<T>,
  properties: readonly K[],
  extra: readonly string[],
): (value: Pick<T, K>, extraCells: readonly Cell[]) => string {
  const members = properties.map((property) => {
    const mapping = mappings[property];
    return { property, mapping, keys: mapping.columns.map(keyText) };
  });
  const extraKeys = extra.map(keyText);
  return (value, extraCells) => {
    let row = "";
    for (const { property, mapping, keys } of members) row += memberTexts(keys, mapping.write(value[property]));
    row += memberTexts(extraKeys, extraCells);
    return `{${row.slice(1)}}`;
  };
}

function keyText(column: string): string {
  return `,${JSON.stringify(column)}:`;
}

function memberTexts(keys: readonly string[], cells: readonly Cell[]): string {
  let text = "";
  for (let index = 0; index < keys.length; index++) text += keys[index] + cellText(cells[index] ?? null);
  return text;
}

function cellText(cell: Cell): string {
  if (cell === "") return '""';
  const json = JSON.stringify(cell);
  // Half of a surrogate pair is no character and UTF-8 cannot hold it: JSON.stringify writes it as \udXXX and ClickHouse then
  // refuses the whole block (error 25). Such texts are rare; they are written again with U+FFFD in its place.
  return json.includes("\\ud") ? JSON.stringify(wellFormed(cell)) : json;
}

const LONE_SURROGATE = /\p{Surrogate}/gu;

/** A cell as UTF-8 can hold it: half of a surrogate pair becomes U+FFFD. */
export function wellFormed(cell: Cell): Cell {
  if (typeof cell === "string") return cell.replace(LONE_SURROGATE, "\ufffd");
  if (typeof cell !== "object" || cell === null) return cell;
  if (isList(cell)) return cell.map((text) => text.replace(LONE_SURROGATE, "\ufffd"));
  const entries = Object.entries(cell).map((entry) => entry.map((part) => part.replace(LONE_SURROGATE, "\ufffd")));
  return Object.fromEntries(entries);
}

export interface RowReader<Result> {
  /** The select list. */
  readonly select: Sql;
  /** @param cells  one row in the order of the select list (JSONCompactEachRow) */
  read(cells: readonly Cell[]): Result;
}

/** Reads some properties; a property whose mapping gives undefined is left out of the object. */
export function rowReader<T extends object, K extends keyof T>(
  mappings: Mappings<T>,
  properties: readonly K[],
): RowReader<Pick<T, K>> {
  const picked = properties.map((property) => ({ property, mapping: mappings[property] }));
  return {
    select: raw(picked.flatMap(({ mapping }) => mapping.select ?? mapping.columns).join(", ")),
    read(cells) {
      const result: Partial<T> = {};
      let from = 0;
      for (const { property, mapping } of picked) {
        const value = mapping.read(cells.slice(from, from + mapping.columns.length));
        from += mapping.columns.length;
        if (value !== undefined) result[property] = value;
      }
      // Every property in `properties` was read; those left out are optional in T, since only their mappings give undefined.
      return result as Pick<T, K>;
    },
  };
}

/** The properties of a mapping table, in its order. */
export function propertiesOf<T extends object>(mappings: Mappings<T>): (keyof T)[] {
  // Object.keys gives string[]; the table has exactly the keys of T.
  return Object.keys(mappings) as (keyof T)[];
}
