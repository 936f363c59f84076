/**
 * Buttons with words, and buttons with an icon that say their name in a tooltip.
 */
import type { LucideIcon } from "lucide-react";
import type { ComponentProps } from "react";
import styles from "./button.module.css";
import { classNames } from "./class-names.ts";
import { Tooltip } from "./tooltip.tsx";

type Look = "quiet" | "outlined" | "primary" | "danger";

interface ButtonProps extends ComponentProps<"button"> {
  readonly look?: Look;
  readonly icon?: LucideIcon;
}

/** A button with words. */
export function Button({ look = "quiet", icon: Icon, className, children, ...rest }: ButtonProps) {
  return (
    <button type="button" className={classNames(styles.button, styles[look], className)} {...rest}>
      {Icon && <Icon size={16} strokeWidth={1.5} aria-hidden />}
      {children}
    </button>
  );
}

interface IconButtonProps extends Omit<ComponentProps<"button">, "aria-label" | "children"> {
  readonly icon: LucideIcon;
  /** What it does: accessible name and tooltip. */
  readonly label: string;
  /** Key that does the same, shown in the tooltip. */
  readonly shortcut?: string | undefined;
  readonly small?: boolean;
}

/** A button with an icon alone. */
export function IconButton({ icon: Icon, label, shortcut, small, className, ...rest }: IconButtonProps) {
  return (
    <Tooltip text={label} shortcut={shortcut}>
      <button
        type="button"
        aria-label={label}
        className={classNames(styles.button, styles.icon, small && styles.small, className)}
        {...rest}
      >
        <Icon size={small ? 14 : 16} strokeWidth={1.5} aria-hidden />
      </button>
    </Tooltip>
  );
}

/** Class of a link that looks like a button. */
export function buttonClass(look: Look = "quiet"): string {
  return classNames(styles.button, styles[look]);
}
