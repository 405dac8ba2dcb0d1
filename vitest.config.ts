import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** These judge a machine's speed or a trial's outcome, so nothing else may run beside them. */
const ALONE = [
  "test/tester/tester.test.ts",
  "test/compare/smoke.test.ts",
  "test/load/{connect,generator,process-fleet,processes,streaming-load}.test.ts",
  "test/edge/flood.test.ts",
];

/** These take minutes: begun last, one of them would run on by itself when all others have ended. */
const LONG =
  /\/test\/(containers\/backbone-faults|measures\/commands|hub-single\/durability|hub-sharded\/(conformance|redis-start|nodes|faults)|compare\/(resume|result-commands)|browser\/report|faults\/faults|hosts\/workers|platform\/hub-cli|load\/history)\.test\.ts$/;

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification) => LONG.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

const system = { testTimeout: 60_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    sequence: { sequencer: LongFirst },
    projects: [
      // Beside the code they test, without servers: part of `pnpm check`. They share no state that one could spoil for another,
      // so a worker imports each module once for all of them: of 110 s, two thirds went into starting a worker for each file.
      {
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts"],
          isolate: false,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      // Real processes and servers. Most of their time they wait for these, so two files run side by side.
      {
        test: {
          ...system,
          name: "system",
          include: ["test/**/*.test.ts"],
          exclude: [...ALONE, "**/node_modules/**"],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      // The same, one file at a time.
      {
        test: { ...system, name: "alone", include: ALONE, fileParallelism: false, sequence: { groupOrder: 2 } },
      },
    ],
  },
});
