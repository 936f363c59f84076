/**
 * In what some traces differ from others: the findings of the store by field, with shares, effect and a filter for each.
 */
import type { Explanation, Finding } from "@sightline/store/trace-values";
import type { EndpointInput, EndpointOutput } from "@sightline/wire/api/endpoint";
import type { explainTraces as endpoint } from "@sightline/wire/api/values";
import { SightlineError } from "@sightline/wire/errors";
import type { FieldReference, Filter } from "@sightline/wire/filter/ast";
import { printField, printFilter } from "@sightline/wire/filter/print";
import type { Call, Stores } from "./stores.ts";
import { readFilter, readSelection } from "./trace-selection.ts";

type Output = EndpointOutput<typeof endpoint>;
type Value = Output["fields"][number]["values"][number];

/** @throws BAD_FILTER, EXPERIMENT_NOT_FOUND, INVALID_PARAMETER for an empty selection filter */
export async function explainTraces(
  stores: Stores,
  input: EndpointInput<typeof endpoint>["body"],
  call?: Call,
): Promise<Output> {
  const inside = readFilter(input.selection);
  if (inside === undefined) {
    throw new SightlineError("INVALID_PARAMETER", '"selection" is an empty filter: all traces differ from no others.');
  }
  const outside = readFilter(input.baseline);
  const selection = await readSelection(stores, input);
  const explanation: Explanation =
    selection.experimentIds?.length === 0
      ? { inside: 0, outside: 0, approximate: false, findings: [] }
      : await stores.telemetry.explainTraces(
          { ...selection, inside, ...(outside && { outside }), limit: input.limit },
          call,
        );
  return {
    selection: explanation.inside,
    baseline: explanation.outside,
    approximate: explanation.approximate,
    fields: byField(explanation),
  };
}

/** Findings come most telling first: so do the fields, and the values of each. */
function byField(explanation: Explanation): Output["fields"] {
  const fields = new Map<string, Value[]>();
  for (const finding of explanation.findings) {
    const left: FieldReference = { field: finding.field, ...(finding.key !== undefined && { key: finding.key }) };
    const name = printField(left);
    fields.set(name, [...(fields.get(name) ?? []), toValue(finding, left, explanation)]);
  }
  return [...fields].map(([field, values]) => ({ field, values }));
}

function toValue(finding: Finding, left: FieldReference, all: Explanation): Value {
  const selectionShare = share(finding.inside, all.inside);
  const baselineShare = share(finding.outside, all.outside);
  return {
    value: finding.value,
    filter: printFilter(filterFor(left, finding.value)),
    selection: finding.inside,
    baseline: finding.outside,
    selectionShare,
    baselineShare,
    difference: selectionShare - baselineShare,
    ratio: baselineShare === 0 ? null : selectionShare / baselineShare,
    score: gTest(finding, all),
  };
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** The traces that have the value. */
function filterFor(left: FieldReference, value: Finding["value"]): Filter {
  if (value === null) return { kind: "presence", left, operator: "IS NULL" };
  if (typeof value === "string") return { kind: "comparison", left, operator: "=", value };
  const from: Filter = { kind: "comparison", left, operator: ">=", value: value.min };
  if (value.max === undefined) return from;
  return { kind: "and", terms: [from, { kind: "comparison", left, operator: "<", value: value.max }] };
}

/**
 * G = 2 Σ O ln(O/E) over "has the value, has it not" and the two sides.
 *
 * @see https://en.wikipedia.org/wiki/G-test
 */
function gTest(has: Pick<Finding, "inside" | "outside">, all: Pick<Explanation, "inside" | "outside">): number {
  const total = all.inside + all.outside;
  const having = has.inside + has.outside;
  let sum = 0;
  for (const side of ["inside", "outside"] as const) {
    const cells = [
      [has[side], having],
      [all[side] - has[side], total - having],
    ] as const;
    for (const [observed, row] of cells) {
      if (observed > 0) sum += observed * Math.log((observed * total) / (row * all[side]));
    }
  }
  return Math.max(0, 2 * sum);
}
