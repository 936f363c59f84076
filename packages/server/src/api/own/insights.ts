/**
 * Endpoints about many traces at once: metrics, values, sessions, users, explanations.
 */
import type { endpoints } from "@sightline/wire/api/registry";
import type { Handlers } from "../../http/route.ts";
import { explainTraces } from "../../query/explain-traces.ts";
import { listFacets, listValues } from "../../query/list-values.ts";
import { queryMetrics } from "../../query/query-metrics.ts";
import { getSession, searchSessions, searchUsers } from "../../query/search-sessions.ts";
import type { Stores } from "../../query/stores.ts";

type InsightEndpoints = Pick<
  typeof endpoints,
  "queryMetrics" | "listValues" | "listFacets" | "explainTraces" | "searchSessions" | "getSession" | "searchUsers"
>;

export function insightHandlers(stores: Stores): Handlers<InsightEndpoints> {
  return {
    queryMetrics: ({ body }, call) => queryMetrics(stores, body, call),
    listValues: ({ body }, call) => listValues(stores, body, call),
    listFacets: ({ body }, call) => listFacets(stores, body, call),
    explainTraces: ({ body }, call) => explainTraces(stores, body, call),
    searchSessions: ({ body }, call) => searchSessions(stores, body, call),
    getSession: ({ params, query }, call) => getSession(stores, params.sessionId, query.experiment, call),
    searchUsers: ({ body }, call) => searchUsers(stores, body, call),
  };
}
