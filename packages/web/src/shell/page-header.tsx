/**
 * The band above a page: where one is, and what concerns the whole page.
 */
import type { ReactNode } from "react";
import styles from "./page-header.module.css";

export function PageHeader(props: {
  /** What stands at the left edge, e.g. the way back. */
  readonly lead?: ReactNode;
  /** What stands before the title, e.g. the experiment. */
  readonly crumb?: ReactNode;
  readonly title: ReactNode;
  readonly children?: ReactNode;
}) {
  return (
    <header className={styles.header}>
      <div className={styles.title}>
        {props.lead}
        {props.crumb !== undefined && (
          <>
            <span className={styles.crumb}>{props.crumb}</span>
            <span className={styles.slash} aria-hidden>
              /
            </span>
          </>
        )}
        <h1>{props.title}</h1>
      </div>
      <div className={styles.actions}>{props.children}</div>
    </header>
  );
}
