/**
 * An experiment without traces: what to paste where, until the first one arrives.
 */
import { Tabs } from "radix-ui";
import { CopyButton } from "../../components/copy-button.tsx";
import styles from "./first-run.module.css";
import { type SnippetTarget, snippets } from "./snippets.ts";

export function FirstRun({ experiment }: { readonly experiment: SnippetTarget["experiment"] }) {
  const url = window.location.origin;
  const shown = snippets({ url, experiment });
  return (
    <div className={styles.page} data-testid="first-run">
      <div className={styles.column}>
        <div>
          <div className={styles.heading}>
            <span className={styles.dot} aria-hidden />
            <h2>Waiting for the first trace</h2>
          </div>
          <p className={styles.lead}>
            Run one of these. <code>{experiment.name}</code> on <code>{url}</code> is listening, and this page turns
            into the list by itself.
          </p>
        </div>
        <Tabs.Root defaultValue={shown[0].id}>
          <Tabs.List className={styles.tabs} aria-label="Language">
            {shown.map((snippet) => (
              <Tabs.Trigger key={snippet.id} value={snippet.id} className={styles.tab}>
                {snippet.title}
              </Tabs.Trigger>
            ))}
          </Tabs.List>
          {shown.map((snippet) => (
            <Tabs.Content key={snippet.id} value={snippet.id} className={styles.panel}>
              {snippet.install !== undefined && (
                <CodeBlock title="Install" code={snippet.install} name="install command" />
              )}
              <CodeBlock title={snippet.file ?? "Shell"} code={snippet.code} name="snippet" />
            </Tabs.Content>
          ))}
        </Tabs.Root>
        <p className={styles.foot}>
          Any OpenTelemetry exporter works: send traces to <code>{url}/v1/traces</code>.
        </p>
      </div>
    </div>
  );
}

function CodeBlock(props: { readonly title: string; readonly code: string; readonly name: string }) {
  return (
    <section className={styles.block} aria-label={props.title}>
      <div className={styles.blockHead}>
        {props.title}
        <CopyButton small text={props.code} label={`Copy the ${props.name}`} />
      </div>
      {/* Focusable, because it scrolls sideways on narrow screens. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region needs the focus to be scrolled by keys */}
      <pre className={styles.code} tabIndex={0} data-testid={props.name.replace(" ", "-")}>
        <code>{props.code.trimEnd()}</code>
      </pre>
    </section>
  );
}
