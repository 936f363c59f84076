/**
 * Which route took a request, for metrics: a path with the names of its parameters instead of their values.
 *
 * Said by the routes themselves. Asking the router afterwards would need its middleware chain, which costs each request more than
 * the answer of a small one.
 */
const routes = new WeakMap<Request, string>();

/** Says that a request was taken by a route. */
export function nameRoute(request: Request, path: string): void {
  routes.set(request, path);
}

/** The route that took a request; `unmatched` for pages, files and what does not exist. */
export function routeOf(request: Request): string {
  return routes.get(request) ?? "unmatched";
}
