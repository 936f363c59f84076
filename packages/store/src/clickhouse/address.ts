/**
 * The address of a ClickHouse database.
 */

/** Where tables go when the URL names no database. */
const DEFAULT_DATABASE = "sightline";

/**
 * `http://user:password@host:8123/database` → the server and the database.
 *
 * They are kept apart because a connection that names a database that does not exist yet cannot create it.
 */
export function clickHouseAddress(url: string): { readonly serverUrl: string; readonly database: string } {
  const server = new URL(url);
  const database = decodeURIComponent(server.pathname.slice(1)) || DEFAULT_DATABASE;
  server.pathname = "/";
  return { serverUrl: server.href, database };
}
