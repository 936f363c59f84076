/**
 * Endpoints about sessions and users.
 */
import * as z from "zod/mini";
import { Session, User } from "../model/trace-group.ts";
import { endpoint } from "./endpoint.ts";

const MAX_GROUPS_IN_PAGE = 200;

/** What sessions and users can be ordered by; `last_activity` is the start of the latest trace. */
export const SESSION_ORDERS = ["last_activity", "traces", "duration", "tokens", "cost", "errors"] as const;
export const USER_ORDERS = ["last_activity", "traces", "sessions", "tokens", "cost", "errors"] as const;

const searchBody = z.strictObject({
  /** Names or ids; absent = all. */
  experiments: z.optional(z.array(z.string())),
  /** Which traces count: all numbers are of these. */
  filter: z.optional(z.string()),
  /** Start of the traces, RFC 3339, inclusive. */
  from: z.optional(z.string()),
  /** Start of the traces, RFC 3339, exclusive. */
  to: z.optional(z.string()),
  /** One of the orders with ASC or DESC; default `last_activity DESC`. */
  orderBy: z.optional(z.string()),
  maxResults: z._default(z.int().check(z.minimum(1), z.maximum(MAX_GROUPS_IN_PAGE)), 50),
  pageToken: z.optional(z.string()),
});

export const searchSessions = endpoint({
  id: "searchSessions",
  method: "POST",
  path: "/api/v1/sessions/search",
  summary: "Sessions with a trace that matches; a session id in two experiments is two sessions.",
  body: searchBody,
  response: z.object({ sessions: z.array(Session), nextPageToken: z.optional(z.string()) }),
  errors: ["BAD_FILTER", "BAD_PAGE_TOKEN", "EXPERIMENT_NOT_FOUND", "INVALID_PARAMETER"],
});

export const getSession = endpoint({
  id: "getSession",
  method: "GET",
  path: "/api/v1/sessions/:sessionId",
  summary: "One session, and how to ask for its traces in their order.",
  params: z.object({ sessionId: z.string() }),
  query: z.object({
    /** Name or id; needed where several experiments have a session of this id. */
    experiment: z.optional(z.string()),
  }),
  response: z.object({
    session: Session,
    /** What to send to `POST /api/v1/traces/search` for its traces, the first one first. */
    traces: z.object({ experiments: z.array(z.string()), filter: z.string(), orderBy: z.array(z.string()) }),
  }),
  errors: ["SESSION_NOT_FOUND", "EXPERIMENT_NOT_FOUND", "INVALID_PARAMETER"],
});

export const searchUsers = endpoint({
  id: "searchUsers",
  method: "POST",
  path: "/api/v1/users/search",
  summary: "Users with a trace that matches; a user id in two experiments is two users.",
  body: searchBody,
  response: z.object({ users: z.array(User), nextPageToken: z.optional(z.string()) }),
  errors: ["BAD_FILTER", "BAD_PAGE_TOKEN", "EXPERIMENT_NOT_FOUND", "INVALID_PARAMETER"],
});
