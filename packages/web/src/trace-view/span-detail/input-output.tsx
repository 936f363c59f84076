/**
 * What went into a span and what came out: as chat, in words, or as JSON.
 */
import type { Span } from "@sightline/wire/model/span";
import { ToggleGroup } from "radix-ui";
import { type ReactNode, type RefObject, useMemo } from "react";
import { JsonView } from "../../json-view/json-view.tsx";
import { rememberChoice, useRemembered } from "../../remembered.ts";
import { MessageList, ToolDefinitions } from "../chat/chat-view.tsx";
import { readConversation } from "../chat/conversation.ts";
import { PrettyValue } from "./pretty-value.tsx";
import styles from "./span-detail.module.css";

const forms = [
  { value: "chat", label: "Chat" },
  { value: "pretty", label: "Pretty" },
  { value: "json", label: "JSON" },
] as const;
type Form = (typeof forms)[number]["value"];

/** The form that was chosen last; "chat" where there is one, else "pretty". */
const payloadForm = rememberChoice("payload-form", ["chat", "pretty", "json"]);

export function InputOutput(props: { readonly span: Span; readonly scroller: RefObject<HTMLElement | null> }) {
  const { span, scroller } = props;
  const [chosen, setChosen] = useRemembered(payloadForm);
  const conversation = useMemo(() => readConversation(span.inputs, span.outputs), [span.inputs, span.outputs]);
  const form: Form = chosen === "chat" && !conversation ? "pretty" : chosen;
  const choice = <FormChoice form={form} hasChat={conversation !== undefined} onChoose={setChosen} />;

  if (form === "chat" && conversation) {
    const settings = Object.entries(conversation.settings).filter(([, value]) => typeof value !== "object");
    return (
      <>
        <Section title="Input" aside={choice}>
          {settings.length > 0 && (
            <p className={styles.meta}>
              {settings.map(([key, value]) => (
                <span key={key}>
                  {key} <strong>{String(value).slice(0, 80)}</strong>
                </span>
              ))}
            </p>
          )}
          <ToolDefinitions tools={conversation.tools} />
          {conversation.input.length > 0 ? <MessageList messages={conversation.input} /> : <Nothing />}
        </Section>
        <Section title="Output">
          {conversation.output.length > 0 ? <MessageList messages={conversation.output} /> : <NoOutput span={span} />}
        </Section>
      </>
    );
  }
  const show = (value: unknown, label: string, none: ReactNode) => {
    if (value === null || value === undefined) return none;
    return form === "json" ? (
      <JsonView value={value} label={label} scroller={scroller} />
    ) : (
      <PrettyValue value={value} />
    );
  };
  return (
    <>
      <Section title="Input" aside={choice}>
        {show(span.inputs, "Input as JSON", <Nothing />)}
      </Section>
      <Section title="Output">{show(span.outputs, "Output as JSON", <NoOutput span={span} />)}</Section>
    </>
  );
}

function Section(props: { readonly title: string; readonly aside?: ReactNode; readonly children: ReactNode }) {
  return (
    <section className={styles.section} aria-label={props.title}>
      <div className={styles.sectionHead}>
        <h3>{props.title}</h3>
        {props.aside}
      </div>
      {props.children}
    </section>
  );
}

function FormChoice(props: {
  readonly form: Form;
  readonly hasChat: boolean;
  readonly onChoose: (form: Form) => void;
}) {
  return (
    <ToggleGroup.Root
      type="single"
      className={styles.forms}
      aria-label="Show as"
      value={props.form}
      onValueChange={(value) => {
        const form = forms.find((candidate) => candidate.value === value);
        if (form) props.onChoose(form.value);
      }}
    >
      {forms
        .filter(({ value }) => value !== "chat" || props.hasChat)
        .map(({ value, label }) => (
          <ToggleGroup.Item key={value} value={value} className={styles.form}>
            {label}
          </ToggleGroup.Item>
        ))}
    </ToggleGroup.Root>
  );
}

function Nothing() {
  return <p className={styles.none}>None.</p>;
}

function NoOutput({ span }: { readonly span: Span }) {
  if (span.endTimeUnixNano === "0") return <p className={styles.none}>Still running.</p>;
  return <p className={styles.none}>{span.status.code === "ERROR" ? "None: the span failed." : "None."}</p>;
}
