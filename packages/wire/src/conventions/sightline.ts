/**
 * What Sightline's SDK writes on root spans beside MLflow's names, and the two names that OpenTelemetry has for everyone.
 */
import type { Convention } from "./convention.ts";

export const sightline: Convention = {
  name: "sightline",
  source:
    "this repository, and https://opentelemetry.io/docs/specs/semconv/registry/attributes/ for session.id, user.id, enduser.id",
  namespaces: ["sightline", "session", "user", "enduser"],
  sessionId: ["session.id"],
  userId: ["user.id", "enduser.id"],
  clientRequestId: ["sightline.trace.clientRequestId"],
  traceState: ["sightline.trace.state"],
  requestPreview: ["sightline.trace.requestPreview"],
  responsePreview: ["sightline.trace.responsePreview"],
};
