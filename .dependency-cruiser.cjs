/**
 * The import diagram of docs/architecture.md section 2, as data. An edge that is not listed here is forbidden.
 *
 * An exception would be a row in `exceptions`, naming the issue that removes it. There is none.
 */
const packages = {
  wire: [],
  sdk: ["wire"],
  store: ["wire"],
  web: ["wire"],
  eval: ["wire", "sdk"],
  server: ["wire", "store", "eval"],
  cli: ["wire", "sdk", "eval", "server"],
};

/** Folders and files of server/src: who may import whom. `config` and `http` are open to every folder. */
const server = {
  main: ["app", "lifecycle"],
  app: ["api", "ingest", "monitor", "serving", "jobs", "lifecycle", "transfer", "pricing", "prometheus", "query"],
  api: ["query", "jobs", "lifecycle", "transfer", "pricing"],
  ingest: [],
  monitor: ["query"],
  serving: ["query"],
  query: [],
  jobs: [],
  lifecycle: ["query", "jobs"],
  transfer: ["query", "ingest", "jobs"],
  pricing: ["query", "jobs"],
  prometheus: ["ingest", "jobs"],
  config: [],
  http: [],
};
/** Folders of server/src that may import the store package; the others go through a use case. */
const serverMayUseStore = ["main", "app", "query", "ingest", "jobs", "lifecycle", "transfer", "pricing", "schema-text"];
const openToAllOfServer = ["config", "http"];

const exceptions = [];

const source = (name) => `^packages/${name}/src/`;
const part = (name) => `^packages/server/src/${name}(/|\\.ts$)`;
const test = "\\.(test|bench)\\.tsx?$";

const forbidden = [
  {
    name: "no-circles",
    comment: "No file imports a file that imports it.",
    severity: "error",
    from: {},
    to: { circular: true },
  },
  {
    name: "no-orphan-imports",
    comment: "Every import resolves to a file or an installed package.",
    severity: "error",
    from: { path: "^packages/" },
    to: { couldNotResolve: true },
  },
  ...Object.entries(packages).map(([name, allowed]) => ({
    name: `${name}-imports-only-${allowed.join("-") || "itself"}`,
    comment: `docs/architecture.md section 2: ${name} → ${allowed.join(", ") || "nothing of ours"}`,
    severity: "error",
    from: { path: source(name), pathNot: [test, ...exceptions] },
    to: {
      path: "^packages/",
      pathNot: [name, ...allowed].map((to) => `^packages/${to}/`),
    },
  })),
  ...Object.entries(server).map(([name, allowed]) => ({
    name: `server-${name}`,
    comment: `docs/architecture.md section 2: server/${name} → ${allowed.join(", ") || "nothing of the server"}`,
    severity: "error",
    from: { path: part(name), pathNot: test },
    to: {
      path: "^packages/server/src/",
      pathNot: [name, ...allowed, ...openToAllOfServer].map(part),
    },
  })),
  {
    name: "server-store-only-behind-query",
    comment: "API routes never touch the store: they call a use case in query.",
    severity: "error",
    from: {
      path: "^packages/server/src/",
      pathNot: [test, ...serverMayUseStore.map(part)],
    },
    to: { path: "^packages/store/", dependencyTypesNot: ["type-only"] },
  },
  {
    name: "wire-runs-anywhere",
    comment: "wire runs in browsers: no Node modules, and zod alone from npm.",
    severity: "error",
    from: { path: source("wire"), pathNot: test },
    to: { dependencyTypes: ["core", "npm", "npm-dev", "npm-peer", "npm-optional"], pathNot: "node_modules/zod/" },
  },
  {
    name: "web-runs-in-browsers",
    comment: "web has no Node modules.",
    severity: "error",
    from: { path: source("web"), pathNot: test },
    to: { dependencyTypes: ["core"] },
  },
  {
    name: "not-dev-dependencies",
    comment: "What ships does not import what is only installed for development.",
    severity: "error",
    from: { path: "^packages/(wire|store|sdk|eval|server|cli)/src/", pathNot: test },
    to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
  },
];

module.exports = {
  forbidden,
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)(dist|node_modules)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.tests.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["@sightline/source", "import", "node", "module", "types", "default"],
      extensions: [".ts", ".tsx", ".js", ".mjs", ".cjs", ".json"],
    },
  },
};
