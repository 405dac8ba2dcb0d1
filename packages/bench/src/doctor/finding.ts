/** One thing that was looked at: what there is, what that means for measuring, and what to do about it. */
export interface Finding {
  topic: string;
  /** `note`: measuring works, with a restriction. `optional`: not there, and no comparison needs it. `missing`: something cannot be measured here. */
  state: "ok" | "note" | "optional" | "missing";
  found: string;
  /** What follows from it; empty when all is well. */
  means: string;
  /** What to do; empty when nothing need be done. */
  remedy: string;
}

export function ok(topic: string, found: string): Finding {
  return { topic, state: "ok", found, means: "", remedy: "" };
}

export function note(topic: string, found: string, means: string, remedy: string): Finding {
  return { topic, state: "note", found, means, remedy };
}

export function optional(topic: string, found: string, means: string, remedy: string): Finding {
  return { topic, state: "optional", found, means, remedy };
}

export function missing(topic: string, found: string, means: string, remedy: string): Finding {
  return { topic, state: "missing", found, means, remedy };
}
