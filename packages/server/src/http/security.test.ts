import { expect, test } from "vitest";
import { createGuard } from "./security.ts";

const loopback = createGuard({ host: "127.0.0.1", allowedHosts: ["obs.example.com"] });
const open = createGuard({ host: "0.0.0.0", allowedHosts: [] });

/** Whether the guard lets a request pass. A plain object, because `Request` does not let a program set Host. */
function passes(guard: typeof loopback, method: string, headers: Record<string, string>): boolean {
  try {
    guard({ method, headers: new Headers(headers) } as Request);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: "FORBIDDEN_ORIGIN", status: 403 });
    return false;
  }
}

test("loopback names and configured names pass, foreign names do not", () => {
  const hosts = ["127.0.0.1:5500", "localhost:5500", "LOCALHOST", "[::1]:5500", "app.localhost", "obs.example.com"];
  for (const host of hosts) expect([host, passes(loopback, "GET", { host })]).toEqual([host, true]);
  for (const host of [
    "evil.example",
    "127.0.0.1.evil.example",
    "10.0.0.5:5500",
    "",
    "localhost@evil.example",
    "[::1",
  ]) {
    expect([host, passes(loopback, "GET", { host })]).toEqual([host, false]);
  }
});

test("a server that listens to other machines takes any address, but still no foreign name", () => {
  expect(passes(open, "GET", { host: "192.168.1.20:5500" })).toBe(true);
  expect(passes(open, "GET", { host: "[fe80::1]:5500" })).toBe(true);
  expect(passes(open, "GET", { host: "rebound.example:5500" })).toBe(false);
});

test("a change from a page needs the page's own origin", () => {
  const host = "localhost:5500";
  expect(passes(loopback, "POST", { host, origin: "http://localhost:5500" })).toBe(true);
  expect(passes(loopback, "POST", { host: "obs.example.com", origin: "https://obs.example.com" })).toBe(true);
  for (const origin of ["http://evil.example", "null", "http://localhost:3000", "http://127.0.0.1:5500"]) {
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      expect([origin, passes(loopback, method, { host, origin })]).toEqual([origin, false]);
    }
  }
});

test("programs send no Origin and pass; a browser that hides it is told by Sec-Fetch-Site", () => {
  const host = "127.0.0.1:5500";
  expect(passes(loopback, "POST", { host })).toBe(true);
  expect(passes(loopback, "DELETE", { host, "sec-fetch-site": "same-origin" })).toBe(true);
  expect(passes(loopback, "DELETE", { host, "sec-fetch-site": "cross-site" })).toBe(false);
});

test("reading needs no origin: no answer carries CORS headers", () => {
  expect(passes(loopback, "GET", { host: "localhost", origin: "http://evil.example" })).toBe(true);
});
