/**
 * Messages as a conversation.
 */
import { Brain, CircleX, CornerDownRight, Hammer, Paperclip } from "lucide-react";
import { useState } from "react";
import { AttachmentView } from "../../attachment/attachment-view.tsx";
import { Button } from "../../components/button.tsx";
import { classNames } from "../../components/class-names.ts";
import { PrettyValue } from "../span-detail/pretty-value.tsx";
import { TextBlock } from "../span-detail/text-block.tsx";
import styles from "./chat-view.module.css";
import type { Message, Part, ToolCall, ToolDefinition, ToolResult } from "./message.ts";

/** Messages that are open at first; an agent's loop repeats all earlier ones in every call. */
const OPEN_MESSAGES = 6;
/** Lines of a system prompt before it folds. */
const SYSTEM_LINES = 6;

export function MessageList({ messages }: { readonly messages: readonly Message[] }) {
  const [showsAll, setShowsAll] = useState(false);
  const hidden = showsAll ? 0 : Math.max(messages.length - OPEN_MESSAGES, 0);
  return (
    <div className={styles.messages}>
      {hidden > 0 && (
        <Button look="outlined" className={styles.earlier} onClick={() => setShowsAll(true)}>
          {hidden === 1 ? "1 earlier message" : `${hidden} earlier messages`}
        </Button>
      )}
      {messages.slice(hidden).map((message, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: messages have no ids and never move
        <MessageItem key={hidden + index} message={message} />
      ))}
    </div>
  );
}

const ROLE_CLASSES = new Map([
  ["user", styles.user],
  ["assistant", styles.assistant],
  ["tool", styles.tool],
]);

function MessageItem({ message }: { readonly message: Message }) {
  return (
    <article
      className={classNames(styles.message, ROLE_CLASSES.get(message.role))}
      aria-label={`${message.role} message`}
      data-testid="chat-message"
      data-role={message.role}
    >
      <div className={styles.role}>
        {message.role}
        {message.name !== undefined && <span className={styles.name}>{message.name}</span>}
      </div>
      <div className={styles.parts}>
        {groupCalls(message.parts).map((group, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: parts have no ids and never move
          <PartGroup key={index} parts={group} isSystem={message.role === "system"} />
        ))}
      </div>
    </article>
  );
}

/** Tool calls that follow each other were made together. */
function groupCalls(parts: readonly Part[]): Part[][] {
  const groups: Part[][] = [];
  for (const part of parts) {
    const last = groups.at(-1);
    if (part.kind === "tool call" && last?.[0]?.kind === "tool call") last.push(part);
    else groups.push([part]);
  }
  return groups;
}

function PartGroup({ parts, isSystem }: { readonly parts: readonly Part[]; readonly isSystem: boolean }) {
  const [first] = parts;
  if (first?.kind === "tool call") {
    return (
      <div className={styles.calls}>
        {parts.map((part, index) =>
          // biome-ignore lint/suspicious/noArrayIndexKey: parts have no ids and never move
          part.kind === "tool call" ? <ToolCallCard key={index} call={part} /> : null,
        )}
      </div>
    );
  }
  return first ? <PartView part={first} isSystem={isSystem} /> : null;
}

function PartView({ part, isSystem }: { readonly part: Exclude<Part, ToolCall>; readonly isSystem: boolean }) {
  switch (part.kind) {
    case "text":
      return <TextBlock text={part.text} {...(isSystem && { foldAfterLines: SYSTEM_LINES })} />;
    case "reasoning":
      return (
        <details className={styles.reasoning}>
          <summary>
            <Brain size={13} strokeWidth={1.5} style={{ verticalAlign: -2, marginRight: 6 }} aria-hidden />
            Reasoning
          </summary>
          <TextBlock text={part.text} />
        </details>
      );
    case "tool result":
      return (
        <div className={classNames(styles.call, part.failed && styles.failed)}>
          <ToolResultView result={part} />
        </div>
      );
    case "attachment":
      return <AttachmentView reference={part.reference} />;
    case "media":
      return (
        <span className={styles.media}>
          <Paperclip size={14} strokeWidth={1.5} aria-hidden />
          {part.mediaType} {part.source}
        </span>
      );
    case "json":
      return <PrettyValue value={part.value} />;
  }
}

function ToolCallCard({ call }: { readonly call: ToolCall }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
    <div
      className={classNames(styles.call, call.result?.failed && styles.failed)}
      role="group"
      aria-label={`Tool call ${call.name}`}
      data-testid="tool-call"
    >
      <div className={styles.callHead}>
        <Hammer size={14} strokeWidth={1.5} aria-hidden />
        <code>{call.name}</code>
        {call.id !== undefined && (
          <span className={styles.id}>{call.id.length > 12 ? `…${call.id.slice(-6)}` : call.id}</span>
        )}
      </div>
      <div className={styles.callBody}>
        <PrettyValue value={call.arguments} />
      </div>
      {call.result && (
        <div className={styles.result}>
          <ToolResultView result={call.result} />
        </div>
      )}
    </div>
  );
}

function ToolResultView({ result }: { readonly result: ToolResult }) {
  const Icon = result.failed ? CircleX : CornerDownRight;
  return (
    <div className={classNames(result.failed && styles.failed)}>
      <div className={styles.resultLabel}>
        <Icon size={12} strokeWidth={1.75} aria-hidden />
        {result.failed ? "failed" : "result"}
        {result.name !== undefined && ` of ${result.name}`}
      </div>
      <PrettyValue value={result.value} />
    </div>
  );
}

/** The tools a model was offered: names at once, descriptions on demand. */
export function ToolDefinitions({ tools }: { readonly tools: readonly ToolDefinition[] }) {
  if (tools.length === 0) return null;
  return (
    <details className={styles.tools}>
      <summary>
        {tools.length === 1 ? "1 tool" : `${tools.length} tools`} offered: {tools.map((tool) => tool.name).join(", ")}
      </summary>
      <ul>
        {tools.map((tool) => (
          <li key={tool.name}>
            <code>{tool.name}</code> {tool.description}
            {tool.parameters !== null && <PrettyValue value={tool.parameters} />}
          </li>
        ))}
      </ul>
    </details>
  );
}
