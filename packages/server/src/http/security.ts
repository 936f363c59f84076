/**
 * Who may talk to a server that has no passwords: programs that can reach its address, and pages that it served itself.
 *
 * A foreign web page must not get through the user's browser. The Host check stops DNS rebinding (a foreign name that is made to
 * point here), the Origin check stops cross-site requests that change something. Reading is stopped by the browser, because no
 * answer carries CORS headers.
 */
import { isIP } from "node:net";
import { SightlineError } from "@sightline/wire/errors";
import { isLoopback } from "../config.ts";

export interface HostRules {
  /** The address that is listened on. */
  readonly host: string;
  /** Further names, lower case. */
  readonly allowedHosts: readonly string[];
}

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Makes the check that every request passes first.
 *
 * @returns a function that throws FORBIDDEN_ORIGIN
 */
export function createGuard(rules: HostRules): (request: Request) => void {
  const names = new Set(["localhost", rules.host.toLowerCase(), ...rules.allowedHosts]);
  const isAllowedHost = (name: string) => {
    // A rebinding page has a name; an address in Host can only come from someone who typed it.
    if (isIP(name) !== 0) return isLoopback(name) || !isLoopback(rules.host) || names.has(name);
    return names.has(name) || name.endsWith(".localhost");
  };
  // Host headers repeat; parsing each once is enough. Bounded, because their text is the client's choice.
  const known = new Map<string, boolean>();
  return (request) => {
    const host = request.headers.get("host") ?? "";
    let allowed = known.get(host);
    if (allowed === undefined) {
      allowed = isAllowedHost(hostName(host));
      if (known.size < 100) known.set(host, allowed);
    }
    if (!allowed) {
      throw new SightlineError(
        "FORBIDDEN_ORIGIN",
        `The Host header "${host.slice(0, 100)}" is not a name of this server. Add it to SIGHTLINE_ALLOWED_HOSTS.`,
      );
    }
    if (SAFE_METHODS.has(request.method)) return;
    const origin = request.headers.get("origin");
    const isForeign =
      origin === null ? request.headers.get("sec-fetch-site") === "cross-site" : !isOriginOf(origin, host);
    if (isForeign) {
      throw new SightlineError(
        "FORBIDDEN_ORIGIN",
        `Pages of ${origin === null ? "other sites" : `"${origin.slice(0, 100)}"`} may not change anything here.`,
      );
    }
  };
}

/** The name or address in a Host header, lower case, without port and brackets. */
function hostName(host: string): string {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::\d*)?$/i.exec(host);
  return (match?.[1] ?? match?.[2] ?? "").toLowerCase();
}

/** Compared with scheme left out: behind a proxy that speaks TLS the page is https and we are not. */
function isOriginOf(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase().replace(/:80$/, "");
}
