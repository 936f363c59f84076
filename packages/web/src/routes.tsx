/**
 * The one route table: path → page.
 */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Navigate,
  Outlet,
  useMatches,
} from "@tanstack/react-router";
import { ErrorPanel } from "./components/error-panel.tsx";
import { ExperimentPage, MessagePage } from "./pages/experiment-page.tsx";
import { HomePage } from "./pages/home/home-page.tsx";
import { ShortLinkPage } from "./pages/trace/short-link-page.tsx";
import { TracesPage } from "./pages/traces/traces-page.tsx";
import { parseQuery, type RawSearch, writeQuery } from "./search-params.ts";
import { Shell } from "./shell/shell.tsx";

/** Every route keeps its parameters as text, also those it does not know; pages read them by their own schema. */
const validateSearch = (search: Record<string, unknown>): RawSearch =>
  Object.fromEntries(Object.entries(search).filter((entry): entry is [string, string] => typeof entry[1] === "string"));

const root = createRootRoute({
  component: Root,
  notFoundComponent: () => (
    <MessagePage title="Page not found">
      <p>
        There is nothing at <code>{window.location.pathname}</code>.
      </p>
    </MessagePage>
  ),
});

function Root() {
  const match = useMatches().at(-1);
  const params: { exp?: string; traceId?: string } = match?.params ?? {};
  const page = params.traceId !== undefined ? "Trace" : params.exp !== undefined ? "Traces" : "Everywhere";
  return (
    <Shell experiment={params.exp} page={page}>
      <Outlet />
    </Shell>
  );
}

const home = createRoute({ getParentRoute: () => root, path: "/", validateSearch, component: HomePage });

const experiment = createRoute({
  getParentRoute: () => root,
  path: "/e/$exp",
  validateSearch,
  component: () => {
    const { exp } = experiment.useParams();
    return <Navigate to="/e/$exp/traces" params={{ exp }} search={experiment.useSearch()} replace />;
  },
});

const traces = createRoute({
  getParentRoute: () => root,
  path: "/e/$exp/traces",
  validateSearch,
  component: () => (
    <ExperimentPage exp={traces.useParams().exp}>{(found) => <TracesPage experiment={found} />}</ExperimentPage>
  ),
});

const TracePage = lazyRouteComponent(() => import("./pages/trace/trace-page.tsx"), "TracePage");

const trace = createRoute({
  getParentRoute: () => root,
  path: "/e/$exp/traces/$traceId",
  validateSearch,
  component: TracePage,
});

const SdkProcessesPage = lazyRouteComponent(
  () => import("./pages/sdk-processes/sdk-processes-page.tsx"),
  "SdkProcessesPage",
);

const sdkProcesses = createRoute({
  getParentRoute: () => root,
  path: "/settings/sdk-processes",
  validateSearch,
  component: SdkProcessesPage,
});

const shortLink = createRoute({
  getParentRoute: () => root,
  path: "/t/$traceId",
  validateSearch,
  component: () => <ShortLinkPage traceId={shortLink.useParams().traceId} />,
});

export const router = createRouter({
  routeTree: root.addChildren([home, experiment, traces, trace, sdkProcesses, shortLink]),
  parseSearch: parseQuery,
  stringifySearch: writeQuery,
  defaultErrorComponent: ({ error, reset }) => <ErrorPanel title="This page failed" error={error} onRetry={reset} />,
  // Colons and the like stand in names of experiments and are easier to read as they are.
  pathParamsAllowedCharacters: [":", "@", "+", ","],
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
