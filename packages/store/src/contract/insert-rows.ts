/**
 * Rows straight into a table of the engine, for what no writer of the port makes.
 */
import { clickHouseAddress } from "../clickhouse/address.ts";
import { connectClickHouse } from "../engines/clickhouse.ts";

/** @param rows  columns that are not given have their defaults */
export async function insertRows(url: string, table: string, rows: readonly Record<string, unknown>[]): Promise<void> {
  const { serverUrl, database } = clickHouseAddress(url);
  const client = connectClickHouse(serverUrl);
  await client.insert({ table: `${database}.${table}`, values: rows, format: "JSONEachRow" });
  await client.close();
}
