/**
 * What can be done with a whole trace: walk on, copy, download, delete.
 */
import { useQueryClient } from "@tanstack/react-query";
import { ChevronDown, ChevronUp, Download, Ellipsis, Fingerprint, Link2, Trash2 } from "lucide-react";
import { useState } from "react";
import { Button, IconButton } from "../../components/button.tsx";
import { CopyButton, useCopy } from "../../components/copy-button.tsx";
import { CopyNotice } from "../../components/copy-notice.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { Menu, MenuItem } from "../../components/menu.tsx";
import { useApi } from "../../data/api.tsx";
import { reportError } from "../../data/errors.ts";
import { forgetTrace } from "../../data/queries.ts";
import { formatCount, formatTotal } from "../../format/number.ts";
import { shownKey } from "../../keys/key-map.ts";
import { useKeys } from "../../keys/use-keys.ts";
import styles from "./trace-page.module.css";
import type { Neighbours } from "./use-neighbours.ts";

export function TraceActions(props: {
  readonly traceId: string;
  readonly exp: string;
  readonly neighbours: Neighbours;
  readonly onGoTo: (traceId: string | undefined) => void;
  readonly onDeleted: () => void;
}) {
  const { traceId } = props;
  const { previous, next, position } = props.neighbours;
  const [isDeleting, setIsDeleting] = useState(false);
  const id = useCopy();
  const link = useCopy();
  const shortLink = () => `${window.location.origin}/t/${traceId}`;
  useKeys({
    "copy id": () => id.copy(traceId),
    "copy link": () => link.copy(window.location.href),
  });
  return (
    <>
      {position && (
        <div className={styles.neighbours}>
          <IconButton
            icon={ChevronUp}
            label="Previous trace"
            shortcut={shownKey("previous trace")}
            disabled={previous === undefined}
            onClick={() => props.onGoTo(previous)}
          />
          <span className={styles.position} data-testid="trace-position">
            {formatCount(position.index)}
            {position.total !== undefined && ` of ${formatTotal(position.total)}`}
          </span>
          <IconButton
            icon={ChevronDown}
            label="Next trace"
            shortcut={shownKey("next trace")}
            disabled={next === undefined}
            onClick={() => props.onGoTo(next)}
          />
        </div>
      )}
      <CopyButton icon={Link2} label="Copy link" shortcut={shownKey("copy link")} text={() => window.location.href} />
      <Menu trigger={<IconButton icon={Ellipsis} label="More" />}>
        <MenuItem
          icon={<Fingerprint size={14} strokeWidth={1.5} aria-hidden />}
          aside={shownKey("copy id")}
          onSelect={() => id.copy(traceId)}
        >
          Copy trace id
        </MenuItem>
        <MenuItem icon={<Link2 size={14} strokeWidth={1.5} aria-hidden />} onSelect={() => link.copy(shortLink())}>
          Copy permanent link
        </MenuItem>
        <MenuItem
          icon={<Download size={14} strokeWidth={1.5} aria-hidden />}
          onSelect={() => downloadFrom(`/api/v1/traces/${encodeURIComponent(traceId)}`, `${traceId}.json`)}
        >
          Download JSON
        </MenuItem>
        <MenuItem icon={<Trash2 size={14} strokeWidth={1.5} aria-hidden />} onSelect={() => setIsDeleting(true)}>
          Delete…
        </MenuItem>
      </Menu>
      <CopyNotice state={id.state} what="Trace id" />
      <CopyNotice state={link.state} what="Link" />
      <DeleteDialog traceId={traceId} open={isDeleting} onOpenChange={setIsDeleting} onDeleted={props.onDeleted} />
    </>
  );
}

/** The browser saves the server's answer: every digit as it was stored, without passing through this page. */
function downloadFrom(address: string, name: string): void {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
}

function DeleteDialog(props: {
  readonly traceId: string;
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
  readonly onDeleted: () => void;
}) {
  const api = useApi();
  const client = useQueryClient();
  const [error, setError] = useState<unknown>();
  const remove = async () => {
    try {
      await api.deleteTrace({ params: { traceId: props.traceId } });
    } catch (reason) {
      setError(reason);
      return;
    }
    forgetTrace(client, props.traceId);
    props.onOpenChange(false);
    props.onDeleted();
  };
  return (
    <Dialog title="Delete this trace?" open={props.open} onOpenChange={props.onOpenChange}>
      <div className={styles.delete}>
        <p>Its spans and tags go with it. This cannot be undone.</p>
        {error !== undefined && (
          <p role="alert" className={styles.deleteError}>
            It was not deleted: {reportError(error).message}
          </p>
        )}
        <div className={styles.deleteActions}>
          <Button onClick={() => props.onOpenChange(false)}>Cancel</Button>
          <Button look="danger" icon={Trash2} onClick={() => void remove()}>
            Delete trace
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
