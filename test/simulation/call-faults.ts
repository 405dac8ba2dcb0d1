/** Errors of each sort that the port to the engine may give, at single calls of it: what the adapters of real engines make of theirs. */
import { Refused, Unavailable } from "@hubscale/hub-runtime";

/** `unavailable`: for now. `refused`: this request, for good. `unknown`: nobody knows, so the node has to end. */
export type ErrorSort = "unavailable" | "refused" | "unknown";

export interface CallFault {
  sort: ErrorSort;
  /** Whether the engine has done it all the same. */
  isDone: boolean;
}

/** Every way in which a call can fail; a refusal is one of something that was not done. */
export const CALL_FAULTS: readonly CallFault[] = [
  { sort: "unavailable", isDone: false },
  { sort: "unavailable", isDone: true },
  { sort: "refused", isDone: false },
  { sort: "unknown", isDone: false },
  { sort: "unknown", isDone: true },
];

/** Decides for each call of the port, in their order over all nodes; undefined: it goes well. */
export type CallFaultOf = (call: { node: string; name: string }) => CallFault | undefined;

/** What stands for an error that no adapter knows. */
export class UnknownError extends Error {}

const RETRY_AFTER_MS = 500;

/** The same object, whose named calls fail when `faultOf` says so. */
export function failing<T extends object>(
  part: T,
  names: readonly (keyof T & string)[],
  faultOf: (name: string) => CallFault | undefined,
): T {
  const calls = names.map((name) => {
    const call = part[name] as (...args: unknown[]) => Promise<unknown>;
    return [name, (...args: unknown[]) => failed(faultOf(name), () => call.apply(part, args))] as const;
  });
  return Object.defineProperties(part, Object.fromEntries(calls.map(([name, value]) => [name, { value }])));
}

async function failed(fault: CallFault | undefined, call: () => Promise<unknown>): Promise<unknown> {
  if (!fault) return call();
  if (fault.isDone) await call();
  switch (fault.sort) {
    case "unavailable":
      throw new Unavailable("the simulated engine says that it cannot", RETRY_AFTER_MS);
    case "refused":
      throw new Refused("payload_too_large", "the simulated engine does not take this", 0);
    case "unknown":
      throw new UnknownError("the simulated engine says something that nobody knows");
  }
}
