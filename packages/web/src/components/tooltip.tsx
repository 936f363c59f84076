/**
 * The name of a control, on hover and on focus.
 */
import { Tooltip as Radix } from "radix-ui";
import type { ReactElement } from "react";
import styles from "./tooltip.module.css";

export const TooltipProvider = Radix.Provider;

/** @param children  one element that takes a ref */
export function Tooltip(props: {
  readonly text: string;
  readonly shortcut?: string | undefined;
  readonly children: ReactElement;
}) {
  return (
    <Radix.Root>
      <Radix.Trigger asChild>{props.children}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content className={styles.content} sideOffset={4} collisionPadding={8}>
          {props.text}
          {props.shortcut !== undefined && <span className={styles.shortcut}>{props.shortcut}</span>}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
