/**
 * The server configuration of the embedded engine: memory, caches and what its one user may do.
 *
 * Brought up to date at every start: the files belong to this version, not to the user.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** 1.5 GiB of tracked memory. The engine does not see its own code and result buffers: the process stays about 500 MB above it. */
export const defaultMemoryLimitBytes = 1536 * 1024 * 1024;

/**
 * Writes config.xml and users.xml.
 *
 * @returns path of config.xml
 * @throws the error of the file system
 */
export function writeServerConfig(directory: string, memoryLimitBytes: number): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const users = join(directory, "users.xml");
  const config = join(directory, "config.xml");
  writeIfChanged(users, usersXml(memoryLimitBytes));
  writeIfChanged(config, configXml(users, memoryLimitBytes));
  return config;
}

/** On a full disk the engine still starts and reads. */
function writeIfChanged(file: string, content: string): void {
  if (existsSync(file) && readFileSync(file, "utf8") === content) return;
  writeFileSync(file, content);
}

/**
 * What the server does with its tables, and nothing that reaches files, the network or other programs: a second wall behind the checks
 * of SQL that users write. `SYSTEM` without SHUTDOWN and KILL.
 */
const grants = [
  "GRANT SELECT, INSERT, ALTER, CREATE DATABASE, CREATE TABLE, CREATE VIEW, CREATE TEMPORARY TABLE, CREATE FUNCTION, DROP, " +
    "TRUNCATE, OPTIMIZE, SHOW, CHECK, UNDROP TABLE, KILL QUERY, SYSTEM JEMALLOC, SYSTEM DROP CACHE, SYSTEM FLUSH, SYSTEM MERGES, " +
    "SYSTEM TTL MERGES, dictGet ON *.*",
  `GRANT ${[
    "MergeTree",
    "ReplacingMergeTree",
    "AggregatingMergeTree",
    "SummingMergeTree",
    "CollapsingMergeTree",
    "VersionedCollapsingMergeTree",
    "Memory",
    "Null",
    "View",
    "MaterializedView",
    "Merge",
    "Join",
    "Set",
    "Buffer",
  ]
    .map((engine) => `TABLE ENGINE ON ${engine}`)
    .join(", ")}`,
];

/**
 * The defaults of the caches are made for servers with hundreds of gigabytes (mark cache 5 GB); the sum here is below 300 MB. Idle
 * threads above 64 end: each holds three files of /proc open. Merges give way to queries and inserts.
 */
function configXml(users: string, memoryLimitBytes: number): string {
  return `<clickhouse>
  <users_config>${escapeXml(users)}</users_config>
  <max_server_memory_usage>${memoryLimitBytes}</max_server_memory_usage>
  <mark_cache_size>134217728</mark_cache_size>
  <index_mark_cache_size>33554432</index_mark_cache_size>
  <primary_index_cache_size>67108864</primary_index_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <index_uncompressed_cache_size>0</index_uncompressed_cache_size>
  <query_condition_cache_size>16777216</query_condition_cache_size>
  <compiled_expression_cache_size>16777216</compiled_expression_cache_size>
  <max_thread_pool_free_size>64</max_thread_pool_free_size>
  <os_threads_nice_value_merge_mutate>10</os_threads_nice_value_merge_mutate>
</clickhouse>
`;
}

/**
 * `max_query_size`: parameters are part of the text (default 256 KiB is 7,000 trace ids).
 * Blocks: with the default of 65,409 rows, and buffers in front of a merge of sorted parts, reading rows of 2 KB in order takes 500 MB
 * before the first row is out; so it takes 120 MB and was not slower over 2M rows.
 * One query may use two thirds of the memory, and sorts and aggregations go to disk well before that.
 * Inserts: a batch has each key once, so looking for older versions inside it (`optimize_on_insert`) finds nothing; splitting it among
 * parser threads costs more than it saves. Together 3 of 36 µs of CPU a span.
 */
function usersXml(memoryLimitBytes: number): string {
  const perQuery = Math.floor((memoryLimitBytes * 2) / 3);
  const spill = Math.floor(memoryLimitBytes / 5);
  return `<clickhouse>
  <profiles><default>
    <allow_introspection_functions>0</allow_introspection_functions>
    <max_block_size>16384</max_block_size>
    <read_in_order_use_buffering>0</read_in_order_use_buffering>
    <max_query_size>16777216</max_query_size>
    <optimize_on_insert>0</optimize_on_insert>
    <input_format_parallel_parsing>0</input_format_parallel_parsing>
    <max_memory_usage>${perQuery}</max_memory_usage>
    <max_bytes_before_external_group_by>${spill}</max_bytes_before_external_group_by>
    <max_bytes_before_external_sort>${spill}</max_bytes_before_external_sort>
  </default></profiles>
  <users><default>
    <password></password>
    <networks><ip>::/0</ip></networks>
    <profile>default</profile>
    <quota>default</quota>
    <grants>
${grants.map((grant) => `      <query>${grant}</query>`).join("\n")}
    </grants>
  </default></users>
  <quotas><default></default></quotas>
</clickhouse>
`;
}

function escapeXml(value: string): string {
  return value.replace(/[&<>]/g, (char) => `&#${char.charCodeAt(0)};`);
}
