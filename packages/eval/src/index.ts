/**
 * The public names of `@sightline/eval`.
 */
export {
  type ReceivedRequest,
  type ScriptedEndpoint,
  type ScriptedEndpointOptions,
  startScriptedEndpoint,
} from "./models/scripted-endpoint.ts";
export type { Reply } from "./models/scripted-reply.ts";
