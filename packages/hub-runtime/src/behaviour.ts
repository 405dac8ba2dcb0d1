/** Where hubs differ on the same wire. */
export interface HubBehaviour {
  /**
   * True: as the reference hub does, faults included. `task_rejected` is unknown; an agent counts as assigned only in a later
   * macrotask than the push, so that it can be handed two tasks; only `ping` refreshes liveness; the agent list shows "unknown"
   * until an agent's first transition.
   */
  warts: boolean;
  /**
   * `every-event`: each join, leave and status change goes to every agent, one frame each. `digest`: so too up to
   * `INDIVIDUAL_PRESENCE_AGENTS`; above, the net changes of a short window go to the subscribers of the channel "presence".
   */
  presence: "every-event" | "digest";
}

/** Up to this many agents a digesting hub still tells everybody of everything: at 64, a join costs 64 frames. */
export const INDIVIDUAL_PRESENCE_AGENTS = 64;

/** The channel whose subscribers get presence frames from a digesting hub. */
export const PRESENCE_CHANNEL = "presence";

/** The window of a digest: short for a reader, long enough that a storm of joins is a few batches. */
export const PRESENCE_WINDOW_MS = 50;
