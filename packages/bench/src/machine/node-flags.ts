/**
 * How V8 runs in processes that take turns in being measured. One that has nothing to do for eight seconds collects its heap, several
 * times, and throws away the compiled code whose kind of objects has none left; a task then costs up to twice as much until the
 * functions have been compiled again, which takes seconds at a third of a core (docs/statistics.md). A hub at work never waits so
 * long, and the hubs of a comparison wait only because the others have their turn.
 */
export const STAY_COMPILED: readonly string[] = ["--no-memory-reducer"];
