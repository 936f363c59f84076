/**
 * Says that something was copied by a key or from a menu, where no button can say it.
 */
import { classNames } from "./class-names.ts";
import type { useCopy } from "./copy-button.tsx";
import styles from "./copy-notice.module.css";

export function CopyNotice(props: { readonly state: ReturnType<typeof useCopy>["state"]; readonly what: string }) {
  const text =
    props.state === "copied" ? `${props.what} copied` : props.state === "failed" ? "The browser refused to copy" : "";
  return (
    <span role="status" className={classNames(text === "" ? "visually-hidden" : styles.notice)}>
      {text}
    </span>
  );
}
