/**
 * What stands around every page: rail, offline bar, keys.
 */

import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Menu as MenuIcon, WifiOff } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { IconButton } from "../components/button.tsx";
import { Dialog } from "../components/dialog.tsx";
import { NARROW, useMedia } from "../components/use-media.ts";
import { LiveProvider, useLiveListener, useLiveStatus } from "../data/live-context.tsx";
import { queryKeys, useExperiments } from "../data/queries.ts";
import { KeyDialog } from "../keys/key-dialog.tsx";
import type { keyMap } from "../keys/key-map.ts";
import { useKeys } from "../keys/use-keys.ts";
import { rememberChoice, useRemembered } from "../remembered.ts";
import { Brand } from "./brand.tsx";
import { experimentInUrl, findExperiment } from "./experiments.ts";
import { Rail } from "./rail.tsx";
import styles from "./shell.module.css";

const rail = rememberChoice("rail", ["open", "collapsed"]);

/**
 * @param experiment  id or name of the experiment of the page; absent on pages of none
 * @param page        the group of the key map that holds on the page
 */
export function Shell(props: {
  readonly experiment: string | undefined;
  readonly page: (typeof keyMap)[keyof typeof keyMap]["group"];
  readonly children: ReactNode;
}) {
  const navigate = useNavigate();
  const isNarrow = useMedia(NARROW);
  const [railForm, setRailForm] = useRemembered(rail);
  const [showsKeys, setShowsKeys] = useState(false);
  const [showsMenu, setShowsMenu] = useState(false);
  const experiments = useExperiments().data ?? [];
  const current = props.experiment === undefined ? undefined : findExperiment(experiments, props.experiment);
  const toggleRail = () => setRailForm(railForm === "open" ? "collapsed" : "open");

  useKeys({
    "toggle rail": toggleRail,
    "show keys": () => setShowsKeys(true),
    "go to traces": () => {
      if (current) void navigate({ to: "/e/$exp/traces", params: { exp: experimentInUrl(current) }, search: {} });
    },
  });

  const railProps = {
    experiments,
    current,
    onToggle: toggleRail,
    onShowKeys: () => {
      setShowsMenu(false);
      setShowsKeys(true);
    },
  };
  return (
    <LiveProvider experimentId={current?.experimentId}>
      <a href="#main" className={styles.skip}>
        Skip to the content
      </a>
      <div className={styles.shell}>
        {!isNarrow && <Rail {...railProps} form={railForm} />}
        <div className={styles.column}>
          {isNarrow && (
            <header className={styles.topbar}>
              <IconButton icon={MenuIcon} label="Menu" onClick={() => setShowsMenu(true)} />
              <Link to="/">
                <Brand />
              </Link>
            </header>
          )}
          <OfflineBar />
          <ExperimentCounts />
          <main id="main" tabIndex={-1} className={styles.main}>
            {props.children}
          </main>
        </div>
      </div>
      <Dialog title="Sightline" place="left" open={showsMenu && isNarrow} onOpenChange={setShowsMenu}>
        <MenuRail {...railProps} onLeave={() => setShowsMenu(false)} />
      </Dialog>
      <KeyDialog page={props.page} open={showsKeys} onOpenChange={setShowsKeys} />
    </LiveProvider>
  );
}

/** The rail as a sheet closes when a link of it was followed. */
function MenuRail(props: Omit<Parameters<typeof Rail>[0], "form"> & { readonly onLeave: () => void }) {
  const sheet = useRef<HTMLDivElement>(null);
  const { onLeave } = props;
  useEffect(() => {
    const element = sheet.current;
    const leave = (event: MouseEvent) => {
      if (event.target instanceof Element && event.target.closest("a")) onLeave();
    };
    element?.addEventListener("click", leave);
    return () => element?.removeEventListener("click", leave);
  }, [onLeave]);
  return (
    <div ref={sheet} style={{ flex: 1, minHeight: 0 }}>
      <Rail {...props} form="sheet" />
    </div>
  );
}

function OfflineBar() {
  const isOffline = useLiveStatus() === "offline";
  return (
    <div role="status">
      {isOffline && (
        <div className={styles.offline} data-testid="offline-bar">
          <WifiOff size={14} strokeWidth={1.5} aria-hidden />
          The server does not answer. What you see may be old; trying again…
        </div>
      )}
    </div>
  );
}

/** How often the counts of the switcher are read again while traces arrive. */
const COUNTS_EVERY_MS = 5000;

/** Keeps the trace counts fresh, and everything once the server is back. Draws nothing. */
function ExperimentCounts() {
  const client = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  useLiveListener({
    onTraces: () => {
      timer.current ??= setTimeout(() => {
        timer.current = undefined;
        void client.invalidateQueries({ queryKey: queryKeys.experiments });
      }, COUNTS_EVERY_MS);
    },
    // Lists of traces catch up by themselves (pages/traces/use-live-rows.ts): reading every page again would move the rows.
    onGap: () => void client.invalidateQueries({ predicate: ({ queryKey }) => !queryKey.includes("list") }),
  });
  return null;
}
