/**
 * The server about itself: how much it holds, and whether it can work.
 */

import type { getStats as endpoint } from "@sightline/wire/api/admin";
import type { EndpointOutput } from "@sightline/wire/api/endpoint";
import { SightlineError } from "@sightline/wire/errors";
import type { Stores } from "./stores.ts";

/** Longer than any engine takes to answer, shorter than the patience of whoever probes. */
const PING_TIMEOUT_MS = 5_000;

/** What is stored and readable now. */
export async function getStats(stores: Stores): Promise<EndpointOutput<typeof endpoint>> {
  const [telemetry, experiments, entityBytes, attachments] = await Promise.all([
    stores.telemetry.stats(),
    stores.entities.listExperiments(),
    stores.entities.bytesOnDisk(),
    stores.attachments.measure(),
  ]);
  return {
    traces: telemetry.traces,
    spans: telemetry.spans,
    experiments: experiments.length,
    bytesOnDisk: telemetry.bytesOnDisk + entityBytes + attachments.bytes,
  };
}

/** Resolves if both stores answer. @throws STORE_UNAVAILABLE */
export async function checkHealth(stores: Stores): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new SightlineError("STORE_UNAVAILABLE", `A storage engine did not answer within ${PING_TIMEOUT_MS} ms.`),
        ),
      PING_TIMEOUT_MS,
    );
  });
  try {
    await Promise.race([Promise.all([stores.telemetry.ping(), stores.entities.ping()]), late]);
  } finally {
    clearTimeout(timer);
  }
}
