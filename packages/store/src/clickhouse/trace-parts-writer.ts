/**
 * Writes what lies beside the row of a trace: edits of tags and metadata, assessments, links.
 *
 * Each is a small row in a table of its own, which writing spans never touches. It holds the locks of the traces it writes about:
 * what it read of them is still so when it writes, and the trace is not deleted meanwhile.
 */
import { randomBytes } from "node:crypto";
import { SightlineError } from "@sightline/wire/errors";
import { parseJson } from "@sightline/wire/json";
import { ASSESSMENT_RUN_KEY, ASSESSMENT_SESSION_KEY, type Assessment } from "@sightline/wire/model/assessment";
import type { TraceLinkKind } from "@sightline/wire/model/trace-link";
import type { AssessmentChanges, NewAssessment } from "../trace-parts.ts";
import { type AssessmentRow, assessmentText, readAssessmentRows, toAssessment } from "./assessments.ts";
import { propertiesOf, rowWriter } from "./columns.ts";
import type { KeyedLock } from "./keyed-lock.ts";
import { linkText } from "./links.ts";
import { NdjsonBatch } from "./ndjson.ts";
import type { Queries } from "./queries.ts";
import type { RecentTraces } from "./recent-traces.ts";
import { editMappings, storedNanos } from "./rows.ts";
import type { SeenTraces } from "./seen-traces.ts";
import { param, sql } from "./sql.ts";
import type { EditTable } from "./tags.ts";
import type { VersionClock } from "./version-clock.ts";

const editText = rowWriter(editMappings, propertiesOf(editMappings), ["version"]);

/** The writing half of `TraceParts`, but for client infos, which are part of the row of a trace. */
export class TracePartsWriter {
  readonly #queries: Queries;
  readonly #clock: VersionClock;
  readonly #recent: RecentTraces;
  readonly #locks: KeyedLock;
  readonly #annotated: SeenTraces;

  /**
   * @param options  `locks`: by trace id, shared with whoever else changes traces; `annotated`: told which traces get tags, metadata
   *   and assessments
   */
  constructor(options: {
    queries: Queries;
    clock: VersionClock;
    recent: RecentTraces;
    locks: KeyedLock;
    annotated: SeenTraces;
  }) {
    this.#annotated = options.annotated;
    this.#queries = options.queries;
    this.#clock = options.clock;
    this.#recent = options.recent;
    this.#locks = options.locks;
  }

  /** Sets tags or metadata; undefined removes an entry. @throws TRACE_NOT_FOUND */
  async edit(table: EditTable, traceId: string, edits: Readonly<Record<string, string | undefined>>): Promise<void> {
    await this.#locks.run([traceId], async () => {
      const experimentId = await this.#experimentOf(traceId);
      const version = this.#clock.next();
      const rows = new NdjsonBatch();
      for (const [key, value] of Object.entries(edits)) {
        const removed = value === undefined ? 1 : 0;
        rows.add(editText({ experimentId, traceId, key, value: value ?? "", removed }, [version]));
      }
      // Before the insert: if it fails half-way, the rows may be there.
      this.#annotated.add(traceId);
      await this.#queries.insert(table, rows.buffers());
    });
  }

  /** @see TraceParts.createAssessment */
  async createAssessment(input: NewAssessment): Promise<Assessment> {
    const { traceId } = input;
    if (input.valueJson !== undefined) checkJson(input.valueJson);
    return await this.#locks.run([traceId], async () => {
      const experimentId = await this.#experimentOf(traceId);
      const others = await this.#assessmentsOf(traceId);
      const version = this.#clock.next();
      const row = toRow(input, experimentId, version);
      const replaced = others.find(({ assessmentId }) => assessmentId === row.assessmentId);
      const rest = others.filter((other) => other !== replaced);
      if (row.overrides !== "") find(rest, traceId, row.overrides);
      const created = await this.#putAssessments([...rest, row], others, version);
      return toAssessment(created.get(row.assessmentId) ?? row);
    });
  }

  /** @see TraceParts.updateAssessment */
  async updateAssessment(traceId: string, assessmentId: string, changes: AssessmentChanges): Promise<Assessment> {
    if (changes.judgement?.valueJson !== undefined) checkJson(changes.judgement.valueJson);
    return await this.#locks.run([traceId], async () => {
      await this.#experimentOf(traceId);
      const before = find(await this.#assessmentsOf(traceId), traceId, assessmentId);
      if (changes.kind !== undefined && changes.kind !== before.kind) {
        throw new SightlineError(
          "INVALID_PARAMETER",
          `Assessment "${assessmentId}" is ${before.kind} and cannot become ${changes.kind}. Create another one.`,
        );
      }
      const version = this.#clock.next();
      const row = changedRow(before, changes, version);
      await this.#queries.insert("assessments", oneRow(assessmentText(row, version)));
      return toAssessment(row);
    });
  }

  /** @see TraceParts.deleteAssessment */
  async deleteAssessment(traceId: string, assessmentId: string): Promise<boolean> {
    return await this.#locks.run([traceId], async () => {
      await this.#experimentOf(traceId);
      const before = await this.#assessmentsOf(traceId);
      const rest = before.filter((row) => row.assessmentId !== assessmentId);
      if (rest.length === before.length) return false;
      await this.#putAssessments(rest, before, this.#clock.next());
      return true;
    });
  }

  /** @see TraceParts.linkTraces */
  async link(kind: TraceLinkKind, target: string, traceIds: readonly string[]): Promise<void> {
    await this.#locks.run(traceIds, async () => {
      const experiments = await this.#experimentsOf(traceIds);
      const missing = traceIds.find((traceId) => !experiments.has(traceId));
      if (missing !== undefined) throw notFound(missing);
      await this.#putLinks(kind, target, experiments, false);
    });
  }

  /** @see TraceParts.unlinkTraces */
  async unlink(kind: TraceLinkKind, target: string, traceIds: readonly string[]): Promise<void> {
    await this.#locks.run(traceIds, async () => {
      await this.#putLinks(kind, target, await this.#experimentsOf(traceIds), true);
    });
  }

  async #putLinks(
    kind: TraceLinkKind,
    target: string,
    experiments: ReadonlyMap<string, string>,
    isGone: boolean,
  ): Promise<void> {
    const version = this.#clock.next();
    const rows = new NdjsonBatch();
    for (const [traceId, experimentId] of experiments) {
      rows.add(linkText({ experimentId, traceId, kind, target }, version, isGone));
    }
    await this.#queries.insert("trace_links", rows.buffers());
  }

  async #assessmentsOf(traceId: string): Promise<readonly AssessmentRow[]> {
    return (await readAssessmentRows(this.#queries, [traceId])).get(traceId) ?? [];
  }

  /**
   * Writes what differs between the assessments that a trace shall have and those it had: in one insert, so that an assessment and
   * the one it overrides change together. Sees to it that exactly those which another one overrides are not valid.
   *
   * @returns the rows by id, as they are now
   */
  async #putAssessments(
    rows: readonly AssessmentRow[],
    before: readonly AssessmentRow[],
    version: number,
  ): Promise<ReadonlyMap<string, AssessmentRow>> {
    const overridden = new Set(rows.map((row) => row.overrides));
    const now = new Map<string, AssessmentRow>();
    for (const { traceId } of rows) this.#annotated.add(traceId);
    const batch = new NdjsonBatch();
    for (const row of rows) {
      const valid = overridden.has(row.assessmentId) ? 0 : 1;
      const kept = valid === row.valid ? row : { ...row, valid };
      now.set(kept.assessmentId, kept);
      if (!before.includes(kept)) batch.add(assessmentText(kept, version));
    }
    for (const row of before) if (!now.has(row.assessmentId)) batch.add(assessmentText(row, version, true));
    await this.#queries.insert("assessments", batch.buffers());
    return now;
  }

  /** @throws TRACE_NOT_FOUND */
  async #experimentOf(traceId: string): Promise<string> {
    const experimentId = (await this.#experimentsOf([traceId])).get(traceId);
    if (experimentId === undefined) throw notFound(traceId);
    return experimentId;
  }

  /** The experiments of the traces that there are, by trace id. Those that were written lately are known without a look-up. */
  async #experimentsOf(traceIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const experiments = new Map<string, string>();
    const others: string[] = [];
    for (const traceId of new Set(traceIds)) {
      const experimentId = this.#recent.experimentOf(traceId);
      if (experimentId === undefined) others.push(traceId);
      else experiments.set(traceId, experimentId);
    }
    await this.#queries.eachOfIds(
      others,
      (ids) => sql`SELECT trace_id, experiment_id FROM ${this.#queries.table("traces")} FINAL
        WHERE trace_id IN ${param(ids, "Array(String)")}`,
      ([traceId, experimentId]) => experiments.set(String(traceId), String(experimentId)),
    );
    return experiments;
  }
}

function toRow(input: NewAssessment, experimentId: string, version: number): AssessmentRow {
  const metadata = input.metadata ?? {};
  // Versions are microseconds of the clock.
  const nowUs = BigInt(version);
  const { createTimeUnixNano } = input;
  return {
    experimentId,
    traceId: input.traceId,
    assessmentId: input.assessmentId ?? `a-${randomBytes(16).toString("hex")}`,
    kind: input.kind,
    name: input.name,
    spanId: input.spanId ?? "",
    sessionId: input.sessionId ?? metadata[ASSESSMENT_SESSION_KEY] ?? "",
    value: input.valueJson ?? "",
    ...(input.error !== undefined && { error: input.error }),
    rationale: input.rationale ?? "",
    sourceType: input.source.type,
    sourceId: input.source.id,
    runId: input.runId ?? metadata[ASSESSMENT_RUN_KEY] ?? "",
    metadata,
    overrides: input.overrides ?? "",
    valid: 1,
    createUs: createTimeUnixNano === undefined ? nowUs : storedNanos(createTimeUnixNano) / 1000n,
    updateUs: nowUs,
  };
}

function changedRow(before: AssessmentRow, changes: AssessmentChanges, version: number): AssessmentRow {
  const { error: errorBefore, ...rest } = before;
  const { judgement, metadata = {} } = changes;
  const error = judgement === undefined ? errorBefore : judgement.error;
  return {
    ...rest,
    name: changes.name ?? before.name,
    value: judgement === undefined ? before.value : (judgement.valueJson ?? ""),
    ...(error !== undefined && { error }),
    rationale: changes.rationale ?? before.rationale,
    sessionId: metadata[ASSESSMENT_SESSION_KEY] ?? before.sessionId,
    runId: metadata[ASSESSMENT_RUN_KEY] ?? before.runId,
    metadata: { ...before.metadata, ...metadata },
    updateUs: BigInt(version),
  };
}

function find(rows: readonly AssessmentRow[], traceId: string, assessmentId: string): AssessmentRow {
  const row = rows.find((one) => one.assessmentId === assessmentId);
  if (row !== undefined) return row;
  throw new SightlineError(
    "ASSESSMENT_NOT_FOUND",
    `Trace "${traceId}" has no assessment "${assessmentId.slice(0, 50)}". It may have been deleted.`,
  );
}

/** The texts go into answers verbatim: one that is no JSON would break them. */
function checkJson(text: string): void {
  if (parseJson(text) !== undefined) return;
  throw new SightlineError("INVALID_PARAMETER", `The value of an assessment is not JSON: ${text.slice(0, 100)}`);
}

function oneRow(text: string): readonly Buffer[] {
  const batch = new NdjsonBatch();
  batch.add(text);
  return batch.buffers();
}

function notFound(traceId: string): SightlineError {
  return new SightlineError(
    "TRACE_NOT_FOUND",
    `No trace has the id "${traceId}". It may have been deleted, or not been sent yet.`,
  );
}
