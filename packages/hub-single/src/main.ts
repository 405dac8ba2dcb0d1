/** The program of the single hub: reads its flags, wires the parts, prints one line when it is ready. */
import {
  failureInWords,
  InputFileError,
  rateLimitsOf,
  registrationPolicyOf,
  startHubEdge,
  systemClock,
  systemRandomHex,
} from "@hubscale/hub-runtime";
import { parseFlags } from "./flags.ts";
import { openSingleHub } from "./single-hub.ts";

const parsed = parseFlags(process.argv.slice(2));
if (parsed.ok) await run(parsed.flags).catch((error: unknown) => end(error instanceof InputFileError ? 2 : 1, describe(error)));
else end(2, parsed.message);

async function run(flags: Extract<typeof parsed, { ok: true }>["flags"]): Promise<void> {
  const fail = (error: unknown) => end(1, describe(error));
  const rateLimits = await rateLimitsOf(flags.rateLimits);
  const registration = registrationPolicyOf(flags);
  const node = `single-${process.pid}`;
  const parts = { ...flags, node, clock: systemClock, randomHex: systemRandomHex };
  const hub = await openSingleHub({ ...parts, onFailure: fail });
  const edge = await startHubEdge({
    ...parts,
    ...hub,
    registration,
    rateLimits,
    makeTasks: (roster, view) => hub.makeTasks(roster, view),
    log,
    onBroken: fail,
  });

  let closing: Promise<void> | undefined;
  const stop = () => {
    closing ??= edge.close().then(() => process.exit(0), fail);
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  if (flags.exitWithParent) process.stdin.on("end", stop).resume();

  const ready = { ready: true, ws: [edge.wsUrl], http: [edge.httpUrl], pids: { hub: [process.pid] } };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  log(`single hub, ${flags.profile}, fixes ${[...flags.fixes].join(" ") || "none"}, data in ${flags.dataDir}`);
}

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** At once: after a failed write nothing more may be acknowledged. */
function end(code: 1 | 2, message: string): void {
  log(`hub-single: ${message}`);
  process.exit(code);
}

function describe(error: unknown): string {
  const text = failureInWords(error);
  // Out of the store's own words: LevelDB has no code for it.
  if (!/no space left/i.test(text)) return text;
  return `${text}; nothing that was acknowledged is lost: make room and start the hub again`;
}
