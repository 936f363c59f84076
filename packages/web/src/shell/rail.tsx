/**
 * The rail: experiment, pages, and what is the same everywhere. One level deep.
 */
import { Link } from "@tanstack/react-router";
import {
  BookOpen,
  Cpu,
  Keyboard,
  ListTree,
  type LucideIcon,
  MonitorCog,
  Moon,
  PanelLeftClose,
  PanelLeftOpen,
  Sun,
} from "lucide-react";
import type { ComponentProps, ReactElement } from "react";
import { IconButton } from "../components/button.tsx";
import { classNames } from "../components/class-names.ts";
import { Menu, MenuChoice } from "../components/menu.tsx";
import { Tooltip } from "../components/tooltip.tsx";
import { shownKey } from "../keys/key-map.ts";
import { useRemembered } from "../remembered.ts";
import { theme, themeChoices } from "../theme/theme.ts";
import { Brand } from "./brand.tsx";
import { ExperimentSwitcher } from "./experiment-switcher.tsx";
import { experimentInUrl, type ListedExperiment } from "./experiments.ts";
import styles from "./rail.module.css";

type RailForm = "open" | "collapsed" | "sheet";

export function Rail(props: {
  readonly experiments: readonly ListedExperiment[];
  readonly current: ListedExperiment | undefined;
  readonly form: RailForm;
  readonly onToggle: () => void;
  readonly onShowKeys: () => void;
}) {
  const { current, form } = props;
  const collapsed = form === "collapsed";
  return (
    <nav aria-label="Main" className={classNames(styles.rail, form !== "open" && styles[form])}>
      <div className={styles.brand}>
        {!collapsed && (
          <Link to="/">
            <Brand />
          </Link>
        )}
        <IconButton
          icon={collapsed ? PanelLeftOpen : PanelLeftClose}
          label={collapsed ? "Expand the rail" : "Collapse the rail"}
          shortcut={shownKey("toggle rail")}
          onClick={props.onToggle}
        />
      </div>
      <div className={styles.switcher}>
        <ExperimentSwitcher experiments={props.experiments} current={current} collapsed={collapsed} />
      </div>
      <div className={styles.items}>
        {current && (
          <Named form={form} name="Traces" shortcut={shownKey("go to traces")}>
            <Link to="/e/$exp/traces" params={{ exp: experimentInUrl(current) }} search={{}} className={styles.item}>
              <ItemInside form={form} icon={ListTree} name="Traces" shortcut={shownKey("go to traces")} />
            </Link>
          </Named>
        )}
      </div>
      <div className={styles.fill} />
      <div className={classNames(styles.items, styles.foot)}>
        <Named form={form} name="SDK processes">
          <Link to="/settings/sdk-processes" search={{}} className={styles.item}>
            <ItemInside form={form} icon={Cpu} name="SDK processes" />
          </Link>
        </Named>
        <Named form={form} name="API reference">
          <a href="/api/v1/openapi.json" target="_blank" rel="noreferrer" className={styles.item}>
            <ItemInside form={form} icon={BookOpen} name="API reference" />
          </a>
        </Named>
        <RailButton
          form={form}
          icon={Keyboard}
          name="Keys"
          shortcut={shownKey("show keys")}
          onClick={props.onShowKeys}
        />
        <ThemeItem form={form} />
      </div>
    </nav>
  );
}

/** A collapsed item says its name in a tooltip. */
function Named(props: {
  readonly form: RailForm;
  readonly name: string;
  readonly shortcut?: string | undefined;
  readonly children: ReactElement;
}) {
  if (props.form !== "collapsed") return props.children;
  return (
    <Tooltip text={props.name} shortcut={props.shortcut}>
      {props.children}
    </Tooltip>
  );
}

interface RailButtonProps extends ComponentProps<"button"> {
  readonly form: RailForm;
  readonly icon: LucideIcon;
  readonly name: string;
  readonly shortcut?: string;
}

function RailButton({ form, icon, name, shortcut, ...rest }: RailButtonProps) {
  const inside = { form, icon, name, ...(shortcut !== undefined && { shortcut }) };
  return (
    <Named form={form} name={name} shortcut={shortcut}>
      <button type="button" className={styles.item} {...rest}>
        <ItemInside {...inside} />
      </button>
    </Named>
  );
}

function ItemInside(props: {
  readonly form: RailForm;
  readonly icon: LucideIcon;
  readonly name: string;
  readonly shortcut?: string;
}) {
  const { icon: Icon } = props;
  const collapsed = props.form === "collapsed";
  return (
    <>
      <Icon size={16} strokeWidth={1.5} aria-hidden />
      <span className={classNames(collapsed && "visually-hidden")}>{props.name}</span>
      {!collapsed && props.shortcut !== undefined && <kbd aria-hidden>{props.shortcut}</kbd>}
    </>
  );
}

const THEME_LABELS = { system: "As the system", light: "Light", dark: "Dark" } as const;
const THEME_ICONS = { system: MonitorCog, light: Sun, dark: Moon } as const;

function ThemeItem({ form }: { readonly form: RailForm }) {
  const [choice, setChoice] = useRemembered(theme);
  const label = `Theme: ${THEME_LABELS[choice]}`;
  const trigger = <RailButton form={form} icon={THEME_ICONS[choice]} name="Theme" aria-label={label} />;
  return (
    <Menu trigger={trigger} align="start">
      <MenuChoice
        value={choice}
        choices={themeChoices.map((value) => ({ value, label: THEME_LABELS[value] }))}
        onChoose={setChoice}
      />
    </Menu>
  );
}
