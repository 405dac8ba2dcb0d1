import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      // Beside the code they test, without servers: part of `pnpm check`.
      { test: { name: "unit", include: ["packages/*/src/**/*.test.ts"] } },
      // Real processes and servers; one file at a time, since they share two cores and measure.
      {
        test: {
          name: "system",
          include: ["test/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
