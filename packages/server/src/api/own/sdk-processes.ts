/**
 * Endpoints about the processes that the SDK runs in.
 */
import type * as endpoints from "@sightline/wire/api/sdk-processes";
import type { Handlers } from "../../http/route.ts";
import { listSdkProcesses } from "../../query/list-sdk-processes.ts";
import type { Stores } from "../../query/stores.ts";

/** @param settled  resolves when every report that was acknowledged can be read */
export function sdkProcessHandlers(
  stores: Stores,
  settled: (signal: AbortSignal) => Promise<void>,
): Handlers<typeof endpoints> {
  return {
    async listSdkProcesses({ query }, { signal }) {
      await settled(signal);
      return await listSdkProcesses(stores, query, Date.now());
    },
  };
}
