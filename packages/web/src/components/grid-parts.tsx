/**
 * Rows and cells of virtual grids and tables.
 *
 * A virtual grid holds only the rows in view, so it cannot be a table element; the roles say the same. The grid itself has the focus
 * and names its active row, so rows and cells take none. The linter cannot know that: it is told here, once.
 */
import type { ComponentProps } from "react";

export function GridRow(props: ComponentProps<"div">) {
  // biome-ignore lint/a11y/useSemanticElements: see above
  // biome-ignore lint/a11y/useFocusableInteractive: see above
  return <div role="row" {...props} />;
}

export function GridCell(props: ComponentProps<"div">) {
  // biome-ignore lint/a11y/useSemanticElements: see above
  // biome-ignore lint/a11y/useFocusableInteractive: see above
  return <div role="gridcell" {...props} />;
}

export function GridHead(props: ComponentProps<"div">) {
  // biome-ignore lint/a11y/useSemanticElements: see above
  // biome-ignore lint/a11y/useFocusableInteractive: see above
  return <div role="columnheader" {...props} />;
}
