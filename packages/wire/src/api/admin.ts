/**
 * Endpoints about the server itself.
 */
import * as z from "zod/mini";
import { endpoint } from "./endpoint.ts";

export const getStats = endpoint({
  id: "getStats",
  method: "GET",
  path: "/api/v1/stats",
  summary: "What is stored and readable now.",
  response: z.object({
    traces: z.number(),
    spans: z.number(),
    experiments: z.number(),
    /** Bytes, both engines together. */
    bytesOnDisk: z.number(),
  }),
  errors: [],
});
