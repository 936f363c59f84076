/** Tabs of the inspector, as they stand in the URL. */
export const detailTabs = ["io", "attributes", "events", "raw"] as const;
export type DetailTab = (typeof detailTabs)[number];
