/**
 * State of a trace or span: an icon and, for those who do not see it, a word.
 */
import { Check, CircleX, LoaderCircle } from "lucide-react";
import { classNames } from "./class-names.ts";
import styles from "./status.module.css";

const icons = { OK: Check, ERROR: CircleX, IN_PROGRESS: LoaderCircle } as const;
const words = { OK: "OK", ERROR: "Failed", IN_PROGRESS: "Running" } as const;

export type Status = keyof typeof icons;

export function StatusIcon({ status, size = 14 }: { readonly status: Status; readonly size?: number }) {
  const Icon = icons[status];
  return (
    <>
      <Icon size={size} strokeWidth={1.75} className={classNames(styles.icon, styles[status])} aria-hidden />
      <span className="visually-hidden">{words[status]}</span>
    </>
  );
}
