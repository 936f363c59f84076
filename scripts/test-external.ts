/**
 * `npm run test:external`: the store's suites on engines given by URL, as in a deployment with servers of its own.
 *
 * ClickHouse is the embedded engine's HTTP interface used as a foreign server; PostgreSQL is the machine's (Debian's `postgresql`).
 * To test against other servers set SIGHTLINE_TEST_CLICKHOUSE_URL and SIGHTLINE_TEST_DATABASE_URL and run `npm run test:store`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { startExternalClickHouse, startExternalPostgres } from "../tests/harness/external-engines.ts";

const [clickhouse, postgres] = await Promise.all([startExternalClickHouse(), startExternalPostgres()]);
process.stdout.write(`ClickHouse: ${clickhouse.name}\nPostgreSQL: ${postgres.name}\n`);
const vitest = ["node_modules/vitest/vitest.mjs", "run", "--project", "store", "packages/store/src/contract"];
const suites = spawn(process.execPath, vitest, {
  stdio: "inherit",
  env: {
    ...process.env,
    SIGHTLINE_TEST_CLICKHOUSE_URL: clickhouse.url,
    SIGHTLINE_TEST_DATABASE_URL: postgres.url,
  },
});
const [code] = (await once(suites, "exit")) as [number | null];
await Promise.all([clickhouse.stop(), postgres.stop()]);
process.exitCode = code ?? 1;
