/** `pnpm stub ollama|claude|uplink …`: the services that agents call, without a GPU and without an account, and the line to them. */
import { startClaudeStub, startOllamaStub } from "@hubscale/sidecar-sim/stubs";
import { seededRandom, systemClock } from "@hubscale/sidecar-sim";
import { SiteLine } from "@hubscale/sidecar-sim/uplink";
import { CommanderError } from "commander";
import { EXIT } from "./exit-codes.ts";
import { type ServedStub, stubProgram } from "./stubs/stub-program.ts";

const program = stubProgram({
  ollama: async ({ seed, exitWithParent, ...options }) => {
    const stub = await startOllamaStub({ ...options, random: seededRandom(seed), clock: systemClock });
    await serve({ url: stub.url, close: () => stub.close(), summary: () => stub.traffic() }, exitWithParent);
  },
  claude: async ({ seed, exitWithParent, ...options }) => {
    const stub = await startClaudeStub({ ...options, random: seededRandom(seed), clock: systemClock });
    await serve(
      { url: stub.url, close: () => stub.close(), summary: () => ({ ...stub.counts(), ...stub.traffic() }) },
      exitWithParent,
    );
  },
  uplink: async ({ line: shape, path: wanted, exitWithParent }) => {
    const line = new SiteLine({ ...shape, clock: systemClock });
    const path = await line.open(wanted);
    await serve(
      { url: `http://127.0.0.1:${path.port}`, close: () => line.close(), summary: () => path.traffic() },
      exitWithParent,
    );
  },
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else {
    process.stderr.write(`stub: ${(error as Error).message}\n`);
    process.exitCode = EXIT.error;
  }
}

/** Until a signal, or, with --exit-with-parent, the end of stdin. */
async function serve(stub: ServedStub, exitWithParent: boolean): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
    if (exitWithParent) process.stdin.resume().once("end", resolve);
  });
  process.stdout.write(`${JSON.stringify({ ready: true, http: [stub.url], pids: { stub: [process.pid] } })}\n`);
  await stopped;
  process.stdin.pause();
  process.stderr.write(`stub: ${JSON.stringify(stub.summary())}\n`);
  await stub.close();
}
