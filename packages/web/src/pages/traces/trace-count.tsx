import { formatTotal } from "../../format/number.ts";

/** `1,204 of 48,210`, `48,210 traces`. */
export function TraceCount(props: {
  readonly matching: number | undefined;
  readonly all: number | undefined;
  readonly isFiltered: boolean;
}) {
  if (!props.isFiltered) {
    if (props.all === undefined) return null;
    return (
      <>
        <strong>{formatTotal(props.all)}</strong> {props.all === 1 ? "trace" : "traces"}
      </>
    );
  }
  if (props.matching === undefined || props.all === undefined) return null;
  return (
    <>
      <strong>{formatTotal(props.matching)}</strong> of {formatTotal(props.all)}
    </>
  );
}
