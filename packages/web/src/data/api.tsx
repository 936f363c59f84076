/**
 * The API client that all hooks use, handed down by context.
 */
import type { ApiClient } from "@sightline/wire/api/client";
import { createContext, type ReactNode, use } from "react";

const ApiContext = createContext<ApiClient | undefined>(undefined);

/** Gives the client to everything below. */
export function ApiProvider({ api, children }: { readonly api: ApiClient; readonly children: ReactNode }) {
  return <ApiContext value={api}>{children}</ApiContext>;
}

/** @throws Error outside of an ApiProvider */
export function useApi(): ApiClient {
  const api = use(ApiContext);
  if (!api) throw new Error("useApi needs an ApiProvider above it.");
  return api;
}
