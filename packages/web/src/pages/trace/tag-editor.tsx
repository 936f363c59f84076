/**
 * Tags of a trace, edited where they stand: Enter keeps, Escape leaves, the change shows before the server has answered.
 */
import type { TraceInfo } from "@sightline/wire/model/trace";
import { Check, CircleX, Plus, X } from "lucide-react";
import { type FormEvent, type KeyboardEvent, useRef, useState } from "react";
import { Button, IconButton } from "../../components/button.tsx";
import { reportError } from "../../data/errors.ts";
import { useTagEdits } from "../../data/tag-edits.ts";
import { shownKey } from "../../keys/key-map.ts";
import { useKeys } from "../../keys/use-keys.ts";
import { userTags } from "../../trace-view/user-tags.ts";
import styles from "./tag-editor.module.css";

/** `""` = a tag that is being added. */
type Editing = string | undefined;

export function TagEditor({ info }: { readonly info: TraceInfo }) {
  const edits = useTagEdits(info);
  const [editing, setEditing] = useState<Editing>();
  const addButton = useRef<HTMLButtonElement>(null);
  useKeys({ "add tag": () => setEditing("") });
  const leave = () => {
    setEditing(undefined);
    // The field that had the focus is gone; the button that opened it takes it back.
    requestAnimationFrame(() => addButton.current?.focus());
  };
  const save = (key: string, value: string) => {
    edits.mutate({ key, value, ...(editing && { previousKey: editing }) });
    leave();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for one form; each tag is one of its own
    <div className={styles.tags} role="group" aria-label="Tags" data-testid="tags">
      {userTags(info.tags).map(([key, value]) =>
        editing === key ? (
          <TagForm key={key} initialKey={key} initialValue={value} onSave={save} onLeave={leave} />
        ) : (
          <span key={key} className={styles.tag} data-testid="tag" data-tag={key}>
            <button
              type="button"
              className={styles.edit}
              aria-label={`Edit tag ${key}: ${value}`}
              onClick={() => setEditing(key)}
            >
              <span>{key}</span>
              <span>{value}</span>
            </button>
            <IconButton
              small
              icon={X}
              className={styles.remove}
              label={`Remove tag ${key}`}
              onClick={() => edits.mutate({ key })}
            />
          </span>
        ),
      )}
      {editing === "" ? (
        <TagForm initialKey="" initialValue="" onSave={save} onLeave={leave} />
      ) : (
        <Button
          ref={addButton}
          icon={Plus}
          className={styles.add}
          title={`Add a tag (${shownKey("add tag")})`}
          onClick={() => setEditing("")}
        >
          Tag
        </Button>
      )}
      {edits.isError && (
        <span className={styles.error} role="alert" data-testid="tag-error">
          <CircleX size={14} strokeWidth={1.5} aria-hidden />
          The tag was not saved: {reportError(edits.error).message}
          <Button onClick={() => edits.mutate(edits.variables)}>Retry</Button>
        </span>
      )}
    </div>
  );
}

function TagForm(props: {
  readonly initialKey: string;
  readonly initialValue: string;
  readonly onSave: (key: string, value: string) => void;
  readonly onLeave: () => void;
}) {
  const [key, setKey] = useState(props.initialKey);
  const [value, setValue] = useState(props.initialValue);
  const valueInput = useRef<HTMLInputElement>(null);
  const isNew = props.initialKey === "";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const name = key.trim();
    if (name === "") return;
    // Enter after the key of a new tag goes on to its value.
    if (value === "" && isNew && document.activeElement !== valueInput.current) valueInput.current?.focus();
    else props.onSave(name, value);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    props.onLeave();
  };
  return (
    <form className={styles.form} onSubmit={submit} onKeyDown={onKeyDown}>
      <input
        aria-label="Tag key"
        placeholder="key"
        // One asked to type here.
        // biome-ignore lint/a11y/noAutofocus: the form appears because of a key or a click on it
        autoFocus={isNew}
        autoComplete="off"
        spellCheck={false}
        value={key}
        onChange={(event) => setKey(event.target.value)}
      />
      <input
        ref={valueInput}
        aria-label="Tag value"
        placeholder="value"
        // biome-ignore lint/a11y/noAutofocus: the form appears because of a key or a click on it
        autoFocus={!isNew}
        autoComplete="off"
        spellCheck={false}
        value={value}
        onChange={(event) => setValue(event.target.value)}
      />
      <IconButton type="submit" small icon={Check} className={styles.save} label="Save tag" shortcut="↵" />
      <IconButton small icon={X} className={styles.save} label="Cancel" shortcut="Esc" onClick={props.onLeave} />
    </form>
  );
}
