import type { TraceInfo } from "@sightline/wire/model/trace";
import { useMemo, useState } from "react";
import { slowTerm } from "../../filter-bar/quick-views.ts";

/**
 * What "Slow" means: by the newest traces that are shown without a quick view. It stays while a view is on, so that the button does
 * not change under the pointer.
 */
export function useSlowTerm(traces: readonly TraceInfo[], key: string, isBase: boolean): string | undefined {
  const [kept, setKept] = useState<{ key: string; term: string | undefined }>();
  // By the first page: later pages must not change the meaning while one scrolls.
  const term = useMemo(() => slowTerm(traces.slice(0, 100)), [traces]);
  if (isBase && traces.length > 0 && kept?.key !== key) setKept({ key, term });
  return kept?.key === key ? kept.term : undefined;
}
