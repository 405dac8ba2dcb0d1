/**
 * How fast the machine is at the moment, for work like a hub's. A virtual machine shares its cores with strangers: where this was
 * built, parsing and writing JSON took ×1.7 as long from one second to the next while a loop over numbers took the same.
 */

/** Parsing and writing this is the reference work. */
const REFERENCE = JSON.stringify(
  Array.from({ length: 100 }, (_, n) => ({ id: `task-${n}`, description: "x".repeat(50), priority: n * 1.5 })),
);
const PASSES = 6;
const EVERY_MS = 100;
/** Fewer samples than this say little of a machine that goes up and down. */
const LEAST_SAMPLES = 8;
/** At either end: a collection of garbage, a sample that was cut short. */
const TRIMMED_SHARE = 0.1;

/** Takes about a hundredth of a core until the function that it returns ends it: CPU milliseconds of the reference work, mean; null: too short. */
export function startSpeedometer(): () => number | null {
  const samples: number[] = [];
  const timer = setInterval(() => samples.push(referenceWorkMs()), EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    if (samples.length < LEAST_SAMPLES) return null;
    const trimmed = Math.floor(samples.length * TRIMMED_SHARE);
    const kept = samples.sort((a, b) => a - b).slice(trimmed, samples.length - trimmed);
    return kept.reduce((sum, ms) => sum + ms, 0) / kept.length;
  };
}

/** CPU time, so that waiting for a core is not taken for slowness. */
function referenceWorkMs(): number {
  const before = process.cpuUsage();
  let length = 0;
  for (let pass = 0; pass < PASSES; pass++) length += JSON.stringify(JSON.parse(REFERENCE)).length;
  const { user, system } = process.cpuUsage(before);
  if (length !== PASSES * REFERENCE.length) throw new Error("the reference work went wrong");
  return (user + system) / 1_000;
}
