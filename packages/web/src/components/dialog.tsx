/**
 * A dialog over the page: in the middle, or as a sheet from the left.
 */
import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { IconButton } from "./button.tsx";
import { classNames } from "./class-names.ts";
import styles from "./dialog.module.css";

export function Dialog(props: {
  readonly title: string;
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
  readonly place?: "middle" | "left";
  readonly children: ReactNode;
}) {
  const isSheet = props.place === "left";
  return (
    <Radix.Root open={props.open} onOpenChange={props.onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className={styles.overlay} />
        <Radix.Content
          className={classNames(styles.dialog, isSheet && styles.sheet)}
          aria-describedby={undefined}
          // The dialog itself takes the focus, not its Close button, whose tooltip would open.
          onOpenAutoFocus={(event) => {
            event.preventDefault();
            if (event.currentTarget instanceof HTMLElement) event.currentTarget.focus();
          }}
        >
          <div className={styles.head}>
            <Radix.Title className={styles.title}>{props.title}</Radix.Title>
            <Radix.Close asChild>
              <IconButton icon={X} label="Close" />
            </Radix.Close>
          </div>
          {isSheet ? props.children : <div className={styles.body}>{props.children}</div>}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
