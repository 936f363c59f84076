/**
 * Sessions and users, one page at a time.
 */
import { createHash } from "node:crypto";
import type { TraceSelection } from "@sightline/store/telemetry-store";
import type { GroupBy, GroupCursor, GroupOrder, GroupPage, TraceGroup } from "@sightline/store/trace-values";
import type { EndpointInput, EndpointOutput } from "@sightline/wire/api/endpoint";
import {
  type getSession as oneEndpoint,
  SESSION_ORDERS,
  type searchSessions as sessionsEndpoint,
  USER_ORDERS,
  type searchUsers as usersEndpoint,
} from "@sightline/wire/api/sessions";
import { SightlineError } from "@sightline/wire/errors";
import { printFilter } from "@sightline/wire/filter/print";
import { parseJson, stringifyJson } from "@sightline/wire/json";
import type { Session, User } from "@sightline/wire/model/trace-group";
import { formatRfc3339Micros } from "@sightline/wire/time";
import type { Call, Stores } from "./stores.ts";
import { readSelection } from "./trace-selection.ts";

type Input = EndpointInput<typeof sessionsEndpoint>["body"];

/** @throws BAD_FILTER, BAD_PAGE_TOKEN, EXPERIMENT_NOT_FOUND, INVALID_PARAMETER */
export async function searchSessions(
  stores: Stores,
  input: Input,
  call?: Call,
): Promise<EndpointOutput<typeof sessionsEndpoint>> {
  const { groups, nextPageToken } = await searchGroups(stores, "session", input, call);
  return { sessions: groups.map(toSession), ...(nextPageToken !== undefined && { nextPageToken }) };
}

/** @throws BAD_FILTER, BAD_PAGE_TOKEN, EXPERIMENT_NOT_FOUND, INVALID_PARAMETER */
export async function searchUsers(
  stores: Stores,
  input: Input,
  call?: Call,
): Promise<EndpointOutput<typeof usersEndpoint>> {
  const { groups, nextPageToken } = await searchGroups(stores, "user", input, call);
  return { users: groups.map(toUser), ...(nextPageToken !== undefined && { nextPageToken }) };
}

/** @throws SESSION_NOT_FOUND, EXPERIMENT_NOT_FOUND, INVALID_PARAMETER if several experiments have a session of this id */
export async function getSession(
  stores: Stores,
  sessionId: string,
  experiment: string | undefined,
  call?: Call,
): Promise<EndpointOutput<typeof oneEndpoint>> {
  const selection = await readSelection(stores, { ...(experiment !== undefined && { experiments: [experiment] }) });
  const order = { key: "last_activity", direction: "DESC" } as const;
  const query = { ...selection, by: "session", id: sessionId, order, limit: 20 } as const;
  const { groups } = await stores.telemetry.searchTraceGroups(query, call);
  const [group, ...others] = groups;
  if (group === undefined) {
    throw new SightlineError(
      "SESSION_NOT_FOUND",
      `Session "${sessionId.slice(0, 100)}" has no trace. POST /api/v1/sessions/search lists those that have.`,
    );
  }
  if (others.length > 0) {
    const ids = groups.map(({ experimentId }) => experimentId).join(", ");
    throw new SightlineError(
      "INVALID_PARAMETER",
      `The experiments ${ids} have a session "${sessionId.slice(0, 100)}"; name one with ?experiment=.`,
    );
  }
  const filter = printFilter({ kind: "comparison", left: { field: "session" }, operator: "=", value: sessionId });
  return {
    session: toSession(group),
    traces: { experiments: [group.experimentId], filter, orderBy: ["timestamp_ms ASC"] },
  };
}

async function searchGroups(
  stores: Stores,
  by: GroupBy,
  input: Input,
  call: Call | undefined,
): Promise<{ groups: readonly TraceGroup[]; nextPageToken?: string }> {
  const order = readOrder(input.orderBy, by);
  const selection = await readSelection(stores, input);
  const search = fingerprint(by, selection, order);
  const after = input.pageToken === undefined ? undefined : decodeToken(input.pageToken, search);
  // No experiment named at all is a question about nothing.
  const page: GroupPage =
    selection.experimentIds?.length === 0
      ? { groups: [] }
      : await stores.telemetry.searchTraceGroups(
          { ...selection, by, order, limit: input.maxResults, ...(after && { after }) },
          call,
        );
  return { groups: page.groups, ...(page.next && { nextPageToken: encodeToken(page.next, search) }) };
}

/** @throws INVALID_PARAMETER */
function readOrder(text = "last_activity DESC", by: GroupBy): GroupOrder {
  const orders: readonly GroupOrder["key"][] = by === "session" ? SESSION_ORDERS : USER_ORDERS;
  const match = /^\s*(\w+)(?:\s+(asc|desc))?\s*$/i.exec(text);
  const key = orders.find((name) => name === match?.[1]);
  if (key === undefined) {
    throw new SightlineError(
      "INVALID_PARAMETER",
      `${by === "session" ? "Sessions" : "Users"} cannot be ordered by "${text.slice(0, 50)}"; use ${orders.join(", ")} with ASC or DESC.`,
    );
  }
  return { key, direction: match?.[2]?.toUpperCase() === "DESC" ? "DESC" : "ASC" };
}

/** A short text that differs between searches that list different groups or list them in another order. */
function fingerprint(by: GroupBy, { experimentIds, filter, from, to }: TraceSelection, order: GroupOrder): string {
  const parts = [by, experimentIds?.toSorted(), filter, from, to, order.key, order.direction];
  return createHash("sha256").update(stringifyJson(parts)).digest("base64url").slice(0, 16);
}

function encodeToken({ value, experimentId, id }: GroupCursor, search: string): string {
  return Buffer.from(JSON.stringify([search, value, experimentId, id])).toString("base64url");
}

/** @throws BAD_PAGE_TOKEN if it is not ours or belongs to another search */
function decodeToken(token: string, search: string): GroupCursor {
  const parts = parseJson(Buffer.from(token, "base64url").toString("utf8"));
  const [owner, value, experimentId, id]: unknown[] = Array.isArray(parts) ? parts : [];
  if (
    typeof value !== "string" ||
    !/^-?\d{1,38}$/.test(value) ||
    typeof experimentId !== "string" ||
    typeof id !== "string"
  ) {
    throw new SightlineError(
      "BAD_PAGE_TOKEN",
      "The page token is not one that this server gave. Start at the first page.",
    );
  }
  if (owner !== search) {
    throw new SightlineError(
      "BAD_PAGE_TOKEN",
      "The page token belongs to another search: experiments, filter, times or order differ. Start at the first page.",
    );
  }
  return { value, experimentId, id };
}

function toSession(group: TraceGroup): Session {
  return {
    sessionId: group.id,
    ...toCommon(group),
    durationMs: Number(group.durationUs) / 1000,
    userIds: [...group.users],
    ...(group.firstInput !== "" && { firstInput: group.firstInput }),
    ...(group.lastOutput !== "" && { lastOutput: group.lastOutput }),
  };
}

function toUser(group: TraceGroup): User {
  return {
    userId: group.id,
    ...toCommon(group),
    sessionCount: group.sessions,
  };
}

function toCommon(group: TraceGroup) {
  const { tokens } = group;
  return {
    experimentId: group.experimentId,
    firstTraceTime: formatRfc3339Micros(group.firstStart),
    lastTraceTime: formatRfc3339Micros(group.lastStart),
    traceCount: group.traces,
    errorCount: group.errors,
    runningCount: group.running,
    ...(tokens && {
      tokenUsage: { inputTokens: tokens.input, outputTokens: tokens.output, totalTokens: tokens.total },
    }),
    ...(group.costUsd !== undefined && { costUsd: group.costUsd }),
    models: [...group.models],
    assessments: [...group.assessments],
  };
}
