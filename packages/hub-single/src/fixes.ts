/**
 * The costs of the reference hub that can be mended one by one (contract §7). A fix is chosen once, where the hub is put
 * together: for each there are two objects with one interface, and no code asks later which of them it has.
 */
export const FIXES = {
  C1: "group commit instead of one synced write after another in the process that also answers reads",
  C2: "list and stats from an index in memory instead of a fold over every row",
  C3: "idle agents and queued tasks kept in indexes instead of asked for and scanned on every trigger",
  C4: "lanes instead of a sorted list that is sorted again on insert and filtered on remove",
  C5: "presence as digests instead of one frame to every socket for every event",
  C6: "touches gathered in memory instead of a full synced row for each progress frame",
  C7: "completed rows pruned instead of kept for ever",
  C8: "an agent's tasks from an index on connect instead of a fold over every row",
  C9: "tokens as rows instead of one file that is written anew on every registration",
  C10: "one pending scheduling pass instead of one for every trigger",
  C11: "a bounded message log instead of selecting and sorting all keys for every message",
} as const;

export type Fix = keyof typeof FIXES;
export type Fixes = ReadonlySet<Fix>;

export const PROFILES = ["reference", "tuned"] as const;
export type Profile = (typeof PROFILES)[number];

export const ALL_FIXES: Fixes = new Set(Object.keys(FIXES) as Fix[]);

export function isFix(text: string): text is Fix {
  return Object.hasOwn(FIXES, text);
}
