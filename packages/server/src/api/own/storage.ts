/**
 * Endpoints about what is stored, for how long, and how it is taken away.
 */
import type { endpoints } from "@sightline/wire/api/registry";
import type { Handlers } from "../../http/route.ts";
import { CHECK_STORE } from "../../lifecycle/check-store.ts";
import { deleteTraces } from "../../lifecycle/delete-traces.ts";
import type { LifeCycle } from "../../lifecycle/life-cycle.ts";
import { PURGE_STORAGE } from "../../lifecycle/purge-storage.ts";
import { getRetention } from "../../lifecycle/retention.ts";
import { reportStorage } from "../../lifecycle/storage-report.ts";
import type { Stores } from "../../query/stores.ts";

type StorageEndpoints = Pick<
  typeof endpoints,
  "deleteTraces" | "getRetention" | "setRetention" | "getStorage" | "purgeStorage" | "checkStorage"
>;

export function storageHandlers(stores: Stores, lifeCycle: LifeCycle): Handlers<StorageEndpoints> {
  const { jobs, retention, storage } = lifeCycle;
  return {
    deleteTraces: ({ body }, call) => deleteTraces({ stores, jobs }, body, call),
    getRetention: async () => ({ retention: await getRetention(stores) }),
    setRetention: async ({ body }) => {
      await retention.set(body);
      return { retention: body };
    },
    getStorage: () => reportStorage(storage),
    purgeStorage: async () => ({ job: await jobs.start(PURGE_STORAGE, {}) }),
    checkStorage: async () => ({ job: await jobs.start(CHECK_STORE, {}) }),
  };
}
