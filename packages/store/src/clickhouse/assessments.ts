/**
 * Assessments ⇄ rows.
 */
import { comparedText } from "@sightline/wire/filter/payload-text";
import { parseJson, RawJson } from "@sightline/wire/json";
import type { Assessment, AssessmentError, AssessmentKind } from "@sightline/wire/model/assessment";
import { formatRfc3339Micros } from "@sightline/wire/time";
import type { CallOptions } from "../telemetry-store.ts";
import { count, type Mapping, type Mappings, propertiesOf, rowReader, rowWriter, text, textMap } from "./columns.ts";
import type { Queries } from "./queries.ts";
import { time } from "./rows.ts";
import { param, sql } from "./sql.ts";

/** A row of `assessments`; texts are "" where there is nothing. */
export interface AssessmentRow {
  readonly experimentId: string;
  readonly traceId: string;
  readonly assessmentId: string;
  readonly kind: AssessmentKind;
  readonly name: string;
  readonly spanId: string;
  readonly sessionId: string;
  /** JSON text. */
  readonly value: string;
  readonly error?: AssessmentError;
  readonly rationale: string;
  readonly sourceType: string;
  readonly sourceId: string;
  readonly runId: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly overrides: string;
  /** 0 while another assessment overrides it. */
  readonly valid: number;
  /** Microseconds since the epoch. */
  readonly createUs: bigint;
  readonly updateUs: bigint;
}

/** The value three times: as it came, as filters compare it, as aggregates count it. */
const value: Mapping<string> = {
  columns: ["value", "value_text", "value_number"],
  write: (json) => [json, comparedText(json), countedNumber(json)],
  read: ([json]) => String(json),
};

const error: Mapping<AssessmentError | undefined> = {
  columns: ["error"],
  write: (reason) => [reason === undefined ? "" : JSON.stringify(reason)],
  // The column holds only what `write` put there.
  read: ([cell]) => (cell === "" ? undefined : (JSON.parse(String(cell)) as AssessmentError)),
};

const assessmentMappings: Mappings<AssessmentRow> = {
  experimentId: text("experiment_id"),
  traceId: text("trace_id"),
  assessmentId: text("assessment_id"),
  kind: text("kind"),
  name: text("name"),
  spanId: text("span_id"),
  sessionId: text("session_id"),
  value,
  error,
  rationale: text("rationale"),
  sourceType: text("source_type"),
  sourceId: text("source_id"),
  runId: text("run_id"),
  metadata: textMap("metadata"),
  overrides: text("overrides"),
  valid: count("valid"),
  createUs: time("create_time", "Micro"),
  updateUs: time("update_time", "Micro"),
};

const writeRow = rowWriter(assessmentMappings, propertiesOf(assessmentMappings), ["version", "is_deleted"]);
const readRow = rowReader(assessmentMappings, propertiesOf(assessmentMappings));

/** The row of an assessment as JSON text; a deleted one is a tombstone. */
export function assessmentText(row: AssessmentRow, version: number, isDeleted = false): string {
  return writeRow(row, [version, isDeleted ? 1 : 0]);
}

/** All rows of these traces, by trace id, each list by time of creation, then id. */
export async function readAssessmentRows(
  queries: Queries,
  traceIds: readonly string[],
  options: CallOptions = {},
): Promise<Map<string, AssessmentRow[]>> {
  const rows = new Map<string, AssessmentRow[]>();
  await queries.eachOfIds(
    traceIds,
    (ids) => sql`SELECT ${readRow.select} FROM ${queries.table("assessments")} FINAL
      WHERE trace_id IN ${param(ids, "Array(String)")} ORDER BY create_time, assessment_id`,
    (cells) => {
      const row = readRow.read(cells);
      const ofTrace = rows.get(row.traceId);
      if (ofTrace === undefined) rows.set(row.traceId, [row]);
      else ofTrace.push(row);
    },
    options,
  );
  return rows;
}

/** @see TraceParts.getAssessments */
export async function readAssessments(
  queries: Queries,
  traceIds: readonly string[],
  options: CallOptions = {},
): Promise<Map<string, Assessment[]>> {
  const rows = await readAssessmentRows(queries, [...new Set(traceIds)], options);
  return new Map(Array.from(rows, ([traceId, ofTrace]) => [traceId, ofTrace.map(toAssessment)]));
}

/** @see TraceParts.getAssessment */
export async function readAssessment(
  queries: Queries,
  traceId: string,
  assessmentId: string,
  options: CallOptions = {},
): Promise<Assessment | undefined> {
  const [cells] = await queries.rows(
    sql`SELECT ${readRow.select} FROM ${queries.table("assessments")} FINAL
      WHERE trace_id = ${param(traceId, "String")} AND assessment_id = ${param(assessmentId, "String")}`,
    options,
  );
  return cells && toAssessment(readRow.read(cells));
}

/** As the API shows it; the value is its JSON text. */
export function toAssessment(row: AssessmentRow): Assessment {
  return {
    assessmentId: row.assessmentId,
    traceId: row.traceId,
    ...(row.spanId !== "" && { spanId: row.spanId }),
    ...(row.sessionId !== "" && { sessionId: row.sessionId }),
    ...(row.runId !== "" && { runId: row.runId }),
    kind: row.kind,
    name: row.name,
    value: row.value === "" ? null : new RawJson(row.value),
    ...(row.error !== undefined && { error: row.error }),
    ...(row.rationale !== "" && { rationale: row.rationale }),
    source: { type: row.sourceType, id: row.sourceId },
    metadata: row.metadata,
    ...(row.overrides !== "" && { overrides: row.overrides }),
    valid: row.valid === 1,
    createTime: formatRfc3339Micros(row.createUs * 1000n),
    updateTime: formatRfc3339Micros(row.updateUs * 1000n),
  };
}

/** What people and judges write for yes and no. */
const WORDS: Readonly<Record<string, number>> = { yes: 1, true: 1, pass: 1, no: 0, false: 0, fail: 0 };

function countedNumber(json: string): number | null {
  const parsed = json === "" ? null : parseJson(json);
  if (typeof parsed === "number") return Number.isFinite(parsed) ? parsed : null;
  if (typeof parsed === "boolean") return parsed ? 1 : 0;
  if (typeof parsed !== "string") return null;
  const word = parsed.trim().toLowerCase();
  return Object.hasOwn(WORDS, word) ? (WORDS[word] ?? null) : null;
}
