/**
 * Sightline's own SDK, from the build: `trace(fn)`.
 */
import type { Accounts, Tracer, TracerOptions } from "../tracer.ts";

export async function start({ url }: TracerOptions): Promise<Tracer> {
  const { flush, init, stats, trace } = await import("@sightline/sdk");
  init({ url, serviceName: "bench", experiment: "overhead" });
  return {
    trace: (work) => trace(work, { name: "answer" }),
    flush: () => flush(60_000),
    accounts: (): Accounts => {
      const { ended, sent, dropped, queued, queuedBytes } = stats();
      const lost = dropped.queueFull + dropped.refused + dropped.unsentAtExit + dropped.broken;
      return { ended, sent, dropped: lost, queued, queuedBytes };
    },
  };
}
