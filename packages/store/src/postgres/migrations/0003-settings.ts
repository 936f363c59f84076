import type { Migration } from "../../migrate.ts";

/** What people set for the whole server: one JSON value a name. */
export const createSettings: Migration = {
  number: 3,
  name: "settings",
  statements: [
    `CREATE TABLE IF NOT EXISTS sightline.settings (
      name text PRIMARY KEY,
      value json NOT NULL,
      updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )`,
  ],
};
