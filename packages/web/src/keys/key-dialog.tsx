/**
 * The keys of a page, as a dialog.
 */
import { Dialog } from "../components/dialog.tsx";
import { useRemembered } from "../remembered.ts";
import styles from "./key-dialog.module.css";
import { keyMap } from "./key-map.ts";
import { singleKeys } from "./use-keys.ts";

const rows = Object.values(keyMap);
type Group = (typeof rows)[number]["group"];

/** @param page  the group of keys that works on this page, besides those that work everywhere */
export function KeyDialog(props: {
  readonly page: Group;
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
}) {
  const [single, setSingle] = useRemembered(singleKeys);
  const groups: readonly Group[] = props.page === "Everywhere" ? ["Everywhere"] : [props.page, "Everywhere"];
  return (
    <Dialog title="Keys" open={props.open} onOpenChange={props.onOpenChange}>
      <div className={styles.groups}>
        {groups.map((group) => (
          <section key={group}>
            <h3>{group === "Everywhere" ? group : `On this page: ${group}`}</h3>
            <dl className={styles.rows}>
              {rows
                .filter((row) => row.group === group)
                .map((row) => (
                  <div key={row.label} className={styles.row}>
                    <dt>{row.label}</dt>
                    <dd>
                      <kbd className={styles.key}>{row.shown}</kbd>
                    </dd>
                  </div>
                ))}
            </dl>
          </section>
        ))}
      </div>
      <label className={styles.switch}>
        <input
          type="checkbox"
          checked={single === "on"}
          onChange={(event) => setSingle(event.target.checked ? "on" : "off")}
        />
        Single-key shortcuts
      </label>
    </Dialog>
  );
}
