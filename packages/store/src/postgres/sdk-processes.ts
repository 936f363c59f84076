/**
 * Processes of the SDK in PostgreSQL.
 */
import { formatSequences, parseSequences } from "@sightline/wire/sequence-ranges";
import {
  and,
  desc,
  eq,
  getTableColumns,
  gt,
  gte,
  inArray,
  lt,
  lte,
  not,
  or,
  type SQL,
  type SQLWrapper,
  sql,
} from "drizzle-orm";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import { countUnreceived, mergeFacts, type Settled, settle } from "../sdk-process-facts.ts";
import type {
  KeptSdkProcess,
  SdkProcessCursor,
  SdkProcesses,
  SdkProcessFacts,
  SdkProcessSelection,
  SdkProcessSums,
} from "../sdk-processes.ts";
import { sdkProcesses as table } from "./schema.ts";

type Row = typeof table.$inferSelect;

/** Any number that no other program uses for its advisory locks: "sightsdk" in ASCII. */
const MERGE_LOCK_KEY = "8316291885310764139";

/** Keeps a statement below the 65,535 parameters that PostgreSQL takes. */
const ROWS_AT_ONCE = 1000;

/** Rows of one DELETE: it holds their locks until it ends. */
const TRIM_ROWS = 5000;

/** @see SdkProcesses.mergeSdkProcesses */
export async function mergeSdkProcesses(db: NodePgDatabase, facts: readonly SdkProcessFacts[]): Promise<void> {
  if (facts.length === 0) return;
  await db.transaction(async (transaction) => {
    // Adding up is done here, where it is tested with every other use of it; the lock keeps another server from doing so meanwhile.
    await transaction.execute(sql`SELECT pg_advisory_xact_lock(${MERGE_LOCK_KEY}::bigint)`);
    for (let start = 0; start < facts.length; start += ROWS_AT_ONCE) {
      await mergeRows(transaction, facts.slice(start, start + ROWS_AT_ONCE));
    }
  });
}

type Database = Pick<NodePgDatabase, "select" | "insert">;

async function mergeRows(db: Database, facts: readonly SdkProcessFacts[]): Promise<void> {
  const ids = facts.map(({ instanceId }) => instanceId);
  const before = await db.select().from(table).where(inArray(table.instanceId, ids));
  const rows = new Map(before.map((row) => [row.instanceId, row]));
  for (const news of facts) {
    const row = rows.get(news.instanceId);
    const merged = row === undefined ? news : mergeFacts(toFacts(row), news);
    rows.set(news.instanceId, toRow(merged, settle(merged, row && toSettled(row))));
  }
  await db
    .insert(table)
    .values([...rows.values()])
    .onConflictDoUpdate({ target: table.instanceId, set: everyColumn });
}

/** `column = EXCLUDED.column` for all but the key. */
const everyColumn = Object.fromEntries(
  Object.entries(getTableColumns(table))
    .filter(([property]) => property !== "instanceId")
    .map(([property, { name }]) => [property, sql`excluded.${sql.identifier(name)}`]),
);

/** @see SdkProcesses.listSdkProcesses */
export async function listSdkProcesses(
  db: NodePgDatabase,
  query: Parameters<SdkProcesses["listSdkProcesses"]>[0],
): ReturnType<SdkProcesses["listSdkProcesses"]> {
  const { limit, after, onlyProblems } = query;
  // One more than asked for tells whether there is a next page.
  const wanted = limit + 1;
  const select = (hasProblem: boolean, left: number, cursor: SdkProcessCursor | undefined) =>
    db
      .select()
      .from(table)
      .where(and(...conditionsOf(query), hasProblemIs(hasProblem, query), cursor && isBehind(cursor)))
      .orderBy(desc(table.lastSeen), table.instanceId)
      .limit(left);
  const rows = after?.hasProblem === false ? [] : await select(true, wanted, after);
  const problems = rows.length;
  if (!onlyProblems && problems < wanted) {
    rows.push(...(await select(false, wanted - problems, after?.hasProblem === false ? after : undefined)));
  }
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const isLast = rows.length <= limit || last === undefined;
  return {
    processes: page.map(toKept),
    ...(!isLast && {
      next: {
        hasProblem: page.length <= problems,
        lastSeenMs: last.lastSeen.getTime(),
        instanceId: last.instanceId,
      },
    }),
  };
}

/** @see SdkProcesses.sumSdkProcesses */
export async function sumSdkProcesses(db: NodePgDatabase, selection: SdkProcessSelection): Promise<SdkProcessSums> {
  const dropped = sql`least(${table.unreceived}, ${droppedInAll})`;
  const rest = sql`(${table.unreceived} - ${dropped})`;
  const unexplained = sql`CASE WHEN ${isRunning(selection)} THEN ${rest} - least(${rest}, ${table.unreceived} - ${table.overdue}) ELSE ${rest} END`;
  // A double: the sum of what a hostile process says may be beyond a bigint.
  const sum = (of: SQLWrapper) => sql<number>`coalesce(sum(${of}), 0)::float8`;
  const [[sums], [running]] = await Promise.all([
    db
      .select({
        problems: sql<number>`count(*)::int`,
        lost: sum(sql`${dropped} + ${unexplained}`),
        unexplained: sum(unexplained),
        queueFull: sum(table.queueFull),
        refused: sum(table.refused),
        unsentAtExit: sum(table.unsentAtExit),
        broken: sum(table.broken),
      })
      .from(table)
      .where(and(...conditionsOf(selection), hasProblemIs(true, selection))),
    db
      .select({ count: sql<number>`count(*)::int` })
      .from(table)
      .where(and(...conditionsOf(selection), isRunning(selection))),
  ]);
  if (sums === undefined || running === undefined) throw new Error("A sum has a row, also over nothing.");
  const { problems, lost, unexplained: unexplainedSum, ...reasons } = sums;
  return { problems, lost, unexplained: unexplainedSum, dropped: reasons, running: running.count };
}

/** @see SdkProcesses.trimSdkProcesses */
export async function trimSdkProcesses(db: NodePgDatabase, before: Date): Promise<number> {
  let trimmed = 0;
  for (;;) {
    const old = db
      .select({ instanceId: table.instanceId })
      .from(table)
      .where(lt(table.lastSeen, before))
      .limit(TRIM_ROWS);
    const gone = await db
      .delete(table)
      .where(inArray(table.instanceId, old))
      .returning({ instanceId: table.instanceId });
    trimmed += gone.length;
    if (gone.length < TRIM_ROWS) return trimmed;
  }
}

function conditionsOf({ service, experimentId, sinceMs }: SdkProcessSelection): (SQL | undefined)[] {
  return [
    service === undefined ? undefined : eq(table.service, service.replaceAll("\u0000", "\ufffd")),
    experimentId === undefined ? undefined : sql`${table.experimentIds} @> ARRAY[${experimentId}]::text[]`,
    sinceMs === undefined ? undefined : gte(table.lastSeen, new Date(sinceMs)),
  ];
}

const droppedInAll = sql`(${table.queueFull} + ${table.refused} + ${table.unsentAtExit} + ${table.broken})`;

/** The condition of the index over suspects, word for word in meaning: the planner takes the index only if it sees that. */
const isSuspect = or(
  gt(table.unreceived, sql`0`),
  gt(table.queueFull, sql`0`),
  gt(table.refused, sql`0`),
  gt(table.unsentAtExit, sql`0`),
  gt(table.broken, sql`0`),
  sql`${table.mode} <> 'full'`,
);

function isRunning({ silentBeforeMs }: SdkProcessSelection): SQL {
  return sql`(NOT ${table.isFinal} AND ${table.lastSeen} > ${new Date(silentBeforeMs)})`;
}

/** What a user should look at; `hasProblem` of a {@link SdkProcess} says the same. */
function hasProblemIs(value: boolean, selection: SdkProcessSelection): SQL | undefined {
  const problem = and(
    isSuspect,
    or(
      sql`${droppedInAll} > 0`,
      sql`${table.mode} <> 'full'`,
      gt(table.overdue, sql`0`),
      and(gt(table.unreceived, sql`0`), sql`NOT ${isRunning(selection)}`),
    ),
  );
  return value || problem === undefined ? problem : not(problem);
}

function isBehind({ lastSeenMs, instanceId }: SdkProcessCursor): SQL | undefined {
  const at = new Date(lastSeenMs);
  return and(lte(table.lastSeen, at), or(lt(table.lastSeen, at), gt(table.instanceId, instanceId)));
}

function toFacts(row: Row): SdkProcessFacts {
  const { queueFull, refused, unsentAtExit, broken } = row;
  const received = parseSequences(row.received);
  if (received === undefined) throw new Error(`The row of SDK process ${row.instanceId} has ranges that are none.`);
  return {
    instanceId: row.instanceId,
    service: row.service,
    host: row.host,
    pid: row.pid,
    runtime: row.runtime,
    sdkVersion: row.sdkVersion,
    startMs: row.startedAt?.getTime() ?? 0,
    lastSeenMs: row.lastSeen.getTime(),
    isFinal: row.isFinal,
    ended: row.ended,
    received,
    isExact: row.isExact,
    dropped: { queueFull, refused, unsentAtExit, broken },
    truncations: row.truncations,
    retries: row.retries,
    failures: row.failures,
    mode: row.mode,
    overheadMs: row.overheadMs,
    experimentIds: row.experimentIds,
  };
}

function toKept(row: Row): KeptSdkProcess {
  return { ...toFacts(row), unreceived: row.unreceived, overdue: row.overdue };
}

function toSettled({ settledEnded, nextEnded, nextAt }: Row): Settled {
  return { settledEnded, nextEnded, nextMs: nextAt.getTime() };
}

function toRow(facts: SdkProcessFacts, settled: Settled): Row {
  const { dropped, startMs, lastSeenMs, received, experimentIds, ...same } = facts;
  return {
    ...same,
    ...dropped,
    ...countUnreceived(facts, settled),
    startedAt: startMs === 0 ? null : new Date(startMs),
    lastSeen: new Date(lastSeenMs),
    received: formatSequences(received),
    settledEnded: settled.settledEnded,
    nextEnded: settled.nextEnded,
    nextAt: new Date(settled.nextMs),
    experimentIds: [...experimentIds],
  };
}
