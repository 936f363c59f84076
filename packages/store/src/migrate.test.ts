import { expect, test } from "vitest";
import { type Migration, type MigrationPort, migrate } from "./migrate.ts";

const migrations: Migration[] = ["first", "second", "third"].map((name, index) => ({
  number: index + 1,
  name,
  statements: [],
}));

/** A store that remembers which migrations it got. */
function memory(applied: number[], failAt?: number): MigrationPort & { readonly got: number[] } {
  const got = [...applied];
  return {
    got,
    applied: async () => new Set(got),
    apply: async ({ number }) => {
      if (number === failAt) throw new Error(`migration ${number} fails`);
      got.push(number);
    },
  };
}

test("applies what is missing, in order", async () => {
  const store = memory([1]);
  expect((await migrate(store, migrations)).map(({ name }) => name)).toEqual(["second", "third"]);
  expect(store.got).toEqual([1, 2, 3]);
  expect(await migrate(store, migrations)).toEqual([]);
});

test("stops at the first that fails", async () => {
  const store = memory([], 2);
  await expect(migrate(store, migrations)).rejects.toThrow("migration 2 fails");
  expect(store.got).toEqual([1]);
});

test("refuses data of a newer version", async () => {
  await expect(migrate(memory([1, 2, 3, 4]), migrations)).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
    message:
      "The data was written by a newer Sightline (its schema is at 4, this version knows 3). " +
      "Start that version, or use another data directory.",
  });
});
