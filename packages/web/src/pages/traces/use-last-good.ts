import { useState } from "react";

/**
 * The newest answer that was no error: while `failed`, the one before it; undefined once `scope` is another.
 *
 * React Query drops what it showed when a new key fails.
 */
export function useLastGood<Data>(data: Data | undefined, failed: boolean, scope: string): Data | undefined {
  const [good, setGood] = useState({ data, scope });
  if (!failed && data !== undefined && (good.data !== data || good.scope !== scope)) setGood({ data, scope });
  if (!failed) return data;
  return good.scope === scope ? good.data : undefined;
}
