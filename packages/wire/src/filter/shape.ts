/**
 * What the shape of a filter tells, without looking at a trace.
 */
import type { Filter } from "./ast.ts";
import { fieldNamed } from "./fields.ts";

/** A condition as it was read, before those on one span are joined. */
export interface Condition {
  readonly filter: Filter;
  /** `filter` is a condition on a span that does not stand in a `span(…)` yet. */
  readonly isOfSpan?: true;
}

/** What AND makes of conditions. Those on spans must hold on one and the same span: they become one `span`, where the first was. */
export function joinConditions(conditions: readonly Condition[]): Filter {
  const ofSpan = conditions.filter((condition) => condition.isOfSpan).map((condition) => condition.filter);
  const terms: Filter[] = [];
  let isSpanDone = false;
  for (const { filter, isOfSpan } of conditions) {
    if (!isOfSpan) terms.push(filter);
    else if (!isSpanDone) {
      terms.push({ kind: "span", filter: allOf(ofSpan) });
      isSpanDone = true;
    }
  }
  return allOf(terms);
}

function allOf(terms: readonly Filter[]): Filter {
  const [only] = terms;
  return terms.length === 1 && only !== undefined ? only : { kind: "and", terms };
}

/** Levels of AND, OR, NOT and `span` inside each other; 0 for a single condition. */
export function nestingOf(filter: Filter): number {
  switch (filter.kind) {
    case "and":
    case "or":
      return 1 + Math.max(0, ...filter.terms.map(nestingOf));
    case "not":
      return 1 + nestingOf(filter.term);
    case "span":
      return 1 + nestingOf(filter.filter);
    default:
      return 0;
  }
}

/** Whether deciding about a trace takes its spans: free text, `text` and `span(…)` do. */
export function readsSpans(filter: Filter): boolean {
  return someCondition(filter, (condition) => condition.kind === "text" || isOnSpans(condition));
}

/** Whether deciding about a trace takes its links to runs and prompts. */
export function readsLinks(filter: Filter): boolean {
  return someCondition(filter, (condition) => entityOf(condition) === "link");
}

function isOnSpans(condition: Filter): boolean {
  return entityOf(condition) === "span" || ("left" in condition && condition.left.field === "text");
}

function entityOf(condition: Filter): string | undefined {
  return "left" in condition ? fieldNamed(condition.left.field)?.entity : undefined;
}

/** Whether one of the conditions in a filter passes the test. */
export function someCondition(filter: Filter, test: (condition: Filter) => boolean): boolean {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.terms.some((term) => someCondition(term, test));
    case "not":
      return someCondition(filter.term, test);
    case "span":
      return test(filter) || someCondition(filter.filter, test);
    default:
      return test(filter);
  }
}

/** The terms that must all hold: those of an `and`, with `and`s inside it opened, else the filter itself. */
export function conjuncts(filter: Filter): readonly Filter[] {
  return filter.kind === "and" ? filter.terms.flatMap(conjuncts) : [filter];
}
