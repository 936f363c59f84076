/**
 * A span as the row it will be, but for its experiment and version, which are known only when it is written.
 *
 * What waits to be written is bytes outside of the heap and a few small facts: as records, 6,000 spans kept the garbage collector busy
 * for a third of the server's time.
 */
import type { PreparedSpan, SpanRecord } from "../span-record.ts";
import { propertiesOf } from "./columns.ts";
import type { RowBytes } from "./row-batch.ts";
import { spanMappings, toSpanRow } from "./rows.ts";
import { type SummarySpan, toSummarySpan } from "./summary-span.ts";
import { tsvWriter } from "./tsv.ts";

const VERSION_COLUMNS = ["version", "is_deleted"] as const;
const body = tsvWriter(
  spanMappings,
  propertiesOf(spanMappings).filter((property) => property !== "experimentId"),
  [],
);

/** Of whole rows: the experiment, the encoded part, version and whether it is a tombstone. */
export const SPAN_ROW_HEAD = `(experiment_id, ${body.columns.join(", ")}, ${VERSION_COLUMNS.join(", ")}) FORMAT TabSeparated`;

export class EncodedSpan implements PreparedSpan {
  readonly experimentId: string;
  readonly traceId: string;
  readonly summary: SummarySpan;
  readonly row: RowBytes;

  constructor(experimentId: string, summary: SummarySpan, row: RowBytes) {
    this.experimentId = experimentId;
    this.traceId = summary.traceId;
    this.summary = summary;
    this.row = row;
  }
}

const CHUNK_BYTES = 256 * 1024;
/** Longer rows get a chunk of their own. */
const MAX_SHARED_CHARS = CHUNK_BYTES / 8;

/** Encodes spans into chunks that spans which come one after another share; a chunk is freed when its last span is written. */
export class SpanEncoder {
  #chunk = Buffer.alloc(0);
  #end = 0;

  encode(records: readonly SpanRecord[]): EncodedSpan[] {
    return records.map((record) => {
      const row = toSpanRow(record);
      return new EncodedSpan(record.experimentId, toSummarySpan(row), this.#keep(body.write(row, [])));
    });
  }

  #keep(text: string): RowBytes {
    if (text.length > MAX_SHARED_CHARS) {
      const chunk = Buffer.from(text);
      return { chunk, from: 0, to: chunk.length };
    }
    // A UTF-16 unit takes three bytes at most.
    if (this.#end + text.length * 3 > this.#chunk.length) {
      this.#chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      this.#end = 0;
    }
    const from = this.#end;
    this.#end += this.#chunk.write(text, from, "utf8");
    return { chunk: this.#chunk, from, to: this.#end };
  }
}
