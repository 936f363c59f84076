/**
 * A menu that opens from a button.
 */
import { Check } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import type { ReactElement, ReactNode } from "react";
import styles from "./floating.module.css";

/** @param trigger  a button that takes a ref */
export function Menu(props: {
  readonly trigger: ReactElement;
  readonly align?: "start" | "end";
  readonly children: ReactNode;
}) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{props.trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className={styles.panel} align={props.align ?? "end"} sideOffset={4} collisionPadding={8}>
          {props.children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

/** An action, or a link when `asChild` gives one. */
export function MenuItem(props: {
  readonly onSelect?: (event: Event) => void;
  readonly icon?: ReactNode;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <DropdownMenu.Item className={styles.item} {...(props.onSelect && { onSelect: props.onSelect })}>
      {props.icon}
      <span className={styles.grow}>{props.children}</span>
      {props.aside !== undefined && <span className={styles.aside}>{props.aside}</span>}
    </DropdownMenu.Item>
  );
}

/** One of a list of choices; the chosen one carries a mark. */
export function MenuChoice<Value extends string>(props: {
  readonly value: Value;
  readonly choices: readonly { readonly value: Value; readonly label: string; readonly aside?: string }[];
  readonly onChoose: (value: Value) => void;
}) {
  return (
    <DropdownMenu.RadioGroup
      value={props.value}
      onValueChange={(value) => {
        const choice = props.choices.find((candidate) => candidate.value === value);
        if (choice) props.onChoose(choice.value);
      }}
    >
      {props.choices.map((choice) => (
        <DropdownMenu.RadioItem key={choice.value} value={choice.value} className={styles.item}>
          <span className={styles.grow}>{choice.label}</span>
          {choice.aside !== undefined && <span className={styles.aside}>{choice.aside}</span>}
          <DropdownMenu.ItemIndicator>
            <Check size={14} strokeWidth={1.5} aria-hidden />
          </DropdownMenu.ItemIndicator>
        </DropdownMenu.RadioItem>
      ))}
    </DropdownMenu.RadioGroup>
  );
}
