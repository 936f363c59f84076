/**
 * A conversation in one form, whatever provider or framework wrote it.
 */

import type { AttachmentReference } from "@sightline/wire/model/attachment";

/** A piece of a message. */
export type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "reasoning"; readonly text: string }
  | ToolCall
  | ToolResult
  /** An image, sound or file that is elsewhere or in the payload; its bytes are not shown. `source` is its address or how large it is. */
  | { readonly kind: "media"; readonly mediaType: string; readonly source: string }
  /** An image, sound or file that is an attachment of the trace. */
  | { readonly kind: "attachment"; readonly reference: AttachmentReference }
  /** A piece of a form that we do not know. */
  | { readonly kind: "json"; readonly value: unknown };

export interface ToolCall {
  readonly kind: "tool call";
  readonly id?: string;
  readonly name: string;
  /** Parsed when it was JSON text. */
  readonly arguments: unknown;
  /** Joined by id, when the conversation holds it. */
  readonly result?: ToolResult;
}

export interface ToolResult {
  readonly kind: "tool result";
  readonly callId?: string;
  readonly name?: string;
  readonly value: unknown;
  readonly failed: boolean;
}

export interface Message {
  /** `system`, `user`, `assistant`, `tool`, or what the emitter wrote. */
  readonly role: string;
  readonly name?: string;
  readonly parts: readonly Part[];
}

export interface ToolDefinition {
  readonly name: string;
  readonly description: string;
  /** JSON schema of the arguments. */
  readonly parameters: unknown;
}

/** Puts tool results into the calls they answer. Results whose call is not there stay where they are; emptied messages go. */
export function joinToolResults(messages: readonly Message[]): Message[] {
  const calls = new Set(messages.flatMap((message) => message.parts.flatMap((part) => callIdOf(part))));
  const results = new Map<string, ToolResult>();
  const kept = messages.map((message) => ({
    ...message,
    parts: message.parts.filter((part) => {
      if (part.kind !== "tool result" || part.callId === undefined) return true;
      if (!calls.has(part.callId) || results.has(part.callId)) return true;
      results.set(part.callId, part);
      return false;
    }),
  }));
  return kept
    .filter((message, index) => message.parts.length > 0 || messages[index]?.parts.length === 0)
    .map((message) => ({ ...message, parts: message.parts.map((part) => withResult(part, results)) }));
}

function callIdOf(part: Part): string[] {
  return part.kind === "tool call" && part.id !== undefined ? [part.id] : [];
}

function withResult(part: Part, results: ReadonlyMap<string, ToolResult>): Part {
  const result = part.kind === "tool call" && part.id !== undefined ? results.get(part.id) : undefined;
  return result && part.kind === "tool call" ? { ...part, result } : part;
}
