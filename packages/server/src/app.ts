/**
 * The composition root: the one place where the parts of the server are made and put together, top to bottom.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AttachmentStore } from "@sightline/store/attachments/attachment-store";
import { withAttachments } from "@sightline/store/attachments/with-attachments";
import type { BackupSource } from "@sightline/store/backup-source";
import type { EngineState } from "@sightline/store/engine-state";
import type { EntityStore } from "@sightline/store/entity-store";
import type { TelemetryStore } from "@sightline/store/telemetry-store";
import { LIVE_TRACES_PATH } from "@sightline/wire/api/live";
import { openApiDocument } from "@sightline/wire/api/openapi";
import { endpoints } from "@sightline/wire/api/registry";
import { SightlineError } from "@sightline/wire/errors";
import { Hono } from "hono";
import { createLiveStream } from "./api/live.ts";
import { ownHandlers } from "./api/own/handlers.ts";
import { createTransferRoutes, type StreamRoute } from "./api/transfer.ts";
import type { Config } from "./config.ts";
import { createAssets } from "./http/assets.ts";
import { ByteBudget } from "./http/byte-budget.ts";
import { replyError } from "./http/errors.ts";
import type { LogFailure } from "./http/log.ts";
import { replyJson, replyText } from "./http/reply.ts";
import { addEndpoints, refuseOtherMethods } from "./http/route.ts";
import { nameRoute, routeOf } from "./http/route-names.ts";
import { createGuard } from "./http/security.ts";
import { CommittedTraces } from "./ingest/committed-traces.ts";
import { createExperimentResolver } from "./ingest/experiments.ts";
import { IngestMetrics } from "./ingest/ingest-metrics.ts";
import { openDirectIntake, openJournaledIntake } from "./ingest/intake.ts";
import { createOtlpHandler } from "./ingest/otlp.ts";
import type { Clock } from "./lifecycle/clock.ts";
import { createLifeCycle } from "./lifecycle/life-cycle.ts";
import { withCosts } from "./pricing/add-costs.ts";
import { ModelPrices } from "./pricing/model-prices.ts";
import { recomputeCostsJob } from "./pricing/recompute-costs.ts";
import { readings } from "./prometheus/readings.ts";
import { createServerMetrics } from "./prometheus/server-metrics.ts";
import { sumSdkProcesses } from "./query/list-sdk-processes.ts";
import { checkHealth } from "./query/server-state.ts";
import { Backups } from "./transfer/backups.ts";

/** The MLflow protocol version spoken; MLflow's clients send spans by OTLP from 3.4 on. */
const MLFLOW_VERSION = "3.17.2";

/** Addresses below these belong to programs: what is not there is a JSON 404, never a page. */
const PROGRAM_PATHS = /^\/(api|ajax-api|v1|health|version|metrics)(\/|$)/;

export interface AppOptions {
  readonly config: Config;
  /** Folder of the journal; absent = spans are written to the store before they are acknowledged. */
  readonly journalDir?: string;
  readonly telemetry: TelemetryStore;
  readonly entities: EntityStore;
  readonly attachments: AttachmentStore;
  readonly backupSource: BackupSource;
  readonly engines: readonly EngineState[];
  /** Folder whose disk is watched; absent with external engines only. */
  readonly dataDir?: string;
  /** Where backups lie; made at the first one. */
  readonly backupDir: string;
  readonly log: LogFailure;
  /** Folder of the built UI; default: where the build puts it. */
  readonly webRoot?: string;
  /** Told in a sentence what background work met. */
  readonly onEvent?: (sentence: string) => void;
  /** Time for retention and the disk's watch; default: the machine's. */
  readonly clock?: Clock;
}

export interface App {
  /** Answers any request; failures are answers too. */
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /** Begins the work that no request asks for: jobs, retention, watching the disk. */
  startWork(): void;
  /** Interrupts that work; what was interrupted is taken up by the next server. */
  stopWork(): Promise<void>;
  /** Ends live streams, so that a server which drains does not wait for them. */
  closeStreams(): void;
  /** Resolves when every span that was taken is written, or lies in the journal for the next start. */
  drain(): Promise<void>;
}

/**
 * Puts the server together over open stores; writes what an earlier process left in the journal first.
 *
 * @throws the journal's errors, and the store's if it cannot take what the journal holds
 */
export async function createApp(options: AppOptions): Promise<App> {
  const { config, log } = options;

  const committed = new CommittedTraces();
  const ingestMetrics = new IngestMetrics();
  const prices = await ModelPrices.open(options.entities);
  const intakeOptions = {
    telemetry: withCosts(options.telemetry, prices),
    sdkProcesses: options.entities,
    metrics: ingestMetrics,
    onReadable: (spans: Parameters<typeof committed.publish>[0]) => committed.publish(spans),
    onEvent: options.onEvent ?? (() => undefined),
  };
  const intake =
    options.journalDir === undefined
      ? openDirectIntake(intakeOptions)
      : await openJournaledIntake(intakeOptions, {
          dir: options.journalDir,
          sdkReportsFile: join(options.journalDir, "sdk-reports.json"),
          maxBytes: config.journalBytes,
          maxHeldBytes: config.ingestBufferBytes,
        });
  // From here on nobody sees the store but through the intake's barrier.
  const { entities, attachments } = options;
  const stores = { telemetry: withAttachments(intake.telemetry, attachments), entities, attachments };
  const budget = new ByteBudget(config.ingestBufferBytes);
  ingestMetrics.watch({ inFlightBytes: () => budget.usedBytes });
  const experiments = createExperimentResolver(stores.entities);
  const live = createLiveStream(committed);
  const backups = new Backups({ folder: options.backupDir, source: options.backupSource, stores });
  const lifeCycle = createLifeCycle({
    stores,
    otherJobKinds: [backups.jobKind, recomputeCostsJob(stores, prices)],
    dataDir: options.dataDir,
    journalBytes: () => ingestMetrics.read().journal?.bytes ?? 0,
    minFreeBytes: config.minFreeDiskBytes,
    maxBytes: config.maxDiskBytes,
    policy: config.diskPolicy,
    ...(options.clock !== undefined && { clock: options.clock }),
    onExperimentChange: () => experiments.forget(),
    onEvent: options.onEvent ?? (() => undefined),
  });
  const ingest = createOtlpHandler({
    admit: () => lifeCycle.disk.admit(),
    resolveExperiment: (headers) => experiments.resolve(headers),
    intake,
    budget,
    maxBodyBytes: config.maxBodyBytes,
    metrics: ingestMetrics,
  });
  const metrics = createServerMetrics(
    readings({
      ingest: ingestMetrics,
      engines: options.engines,
      jobs: lifeCycle.jobs,
      tables: options.telemetry,
      attachments,
      sdkProcesses: () => sumSdkProcesses(options, Date.now()),
      ...(options.dataDir !== undefined && { dataDir: options.dataDir }),
    }),
  );
  const serveAssets = createAssets(options.webRoot);
  const openApi = once(openApiDocument);

  const hono = new Hono();
  hono.post("/v1/traces", (context) => {
    nameRoute(context.req.raw, "/v1/traces");
    return ingest(context.req.raw);
  });
  refuseOtherMethods(hono, "/v1/traces", ["POST"]);
  // Before the endpoints: `/traces/export` must not be taken for the trace "export".
  const spoolDir = join(options.dataDir ?? tmpdir(), "spool");
  const admit = () => lifeCycle.disk.admit();
  const admitBytes = (bytes: number) => lifeCycle.disk.admitBytes(bytes);
  const checkDisk = async () => {
    await lifeCycle.disk.check();
    admit();
  };
  addStreams(hono, createTransferRoutes({ stores, backups, admit, admitBytes, checkDisk, spoolDir }));
  addEndpoints(
    hono,
    endpoints,
    ownHandlers({
      stores,
      lifeCycle,
      backups,
      prices,
      sdkReportsSettled: (signal) => intake.sdkReportsSettled(signal),
    }),
  );
  const reads: Record<string, (request: Request) => Response | Promise<Response>> = {
    [LIVE_TRACES_PATH]: (request) => live.handle(request),
    "/api/v1/openapi.json": () => replyJson(200, openApi()),
    "/version": () => replyText(200, MLFLOW_VERSION),
    "/health": async () => {
      await checkHealth(stores);
      return replyText(200, "OK");
    },
    "/metrics": async () => replyText(200, await metrics.text(), { "content-type": metrics.contentType }),
  };
  for (const [path, read] of Object.entries(reads)) {
    hono.get(path, (context) => {
      nameRoute(context.req.raw, path);
      return read(context.req.raw);
    });
    refuseOtherMethods(hono, path, ["GET"]);
  }
  hono.notFound(async (context) => {
    const { method, path } = context.req;
    const isPage = !PROGRAM_PATHS.test(path);
    if (isPage && (method === "GET" || method === "HEAD")) {
      const asset = await serveAssets(context.req.raw);
      if (asset) return asset;
    }
    throw new SightlineError("NOT_FOUND", `There is nothing at ${method} ${path.slice(0, 200)}.`);
  });
  hono.onError((error, context) => replyError(context.req.raw, error, log));

  const guard = createGuard(config);
  const answer = (request: Request): Response | Promise<Response> => {
    try {
      guard(request);
    } catch (error) {
      return replyError(request, error, log);
    }
    return hono.fetch(request);
  };
  return {
    async fetch(request) {
      const began = performance.now();
      const response = await answer(request);
      metrics.observeRequest(request.method, routeOf(request), response.status, (performance.now() - began) / 1000);
      return response;
    },
    startWork: () => lifeCycle.open(),
    stopWork: () => lifeCycle.close(),
    closeStreams: () => live.close(),
    drain: () => intake.close(),
  };
}

/** Adds routes whose bodies are streams. */
function addStreams(hono: Hono, routes: readonly StreamRoute[]): void {
  for (const { method, path, handle } of routes) {
    hono.on(method, path, (context) => {
      nameRoute(context.req.raw, path);
      return handle(context.req.raw, context.req.param());
    });
  }
  for (const path of new Set(routes.map((route) => route.path))) {
    const methods = routes.filter((route) => route.path === path).map((route) => route.method);
    refuseOtherMethods(hono, path, methods);
  }
}

/** Makes a value at its first use and keeps it. */
function once<Value>(make: () => Value): () => Value {
  let kept: { readonly value: Value } | undefined;
  return () => {
    kept ??= { value: make() };
    return kept.value;
  };
}
