/** The way to a load generator, wherever its process runs. */
import { fork } from "node:child_process";
import { setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import { readCpuSeconds, STAY_COMPILED } from "../machine/index.ts";
import type { GeneratorCommand, GeneratorReply } from "./generator-protocol.ts";

export interface GeneratorChannel {
  /** On its machine. */
  readonly pid: number | undefined;
  /** False: it has ended or is out of reach. What is sent then is lost. */
  readonly isOpen: boolean;
  send(command: GeneratorCommand): void;
  /** In the order in which they were given. One listener. */
  onReply(listener: (reply: GeneratorReply) => void): void;
  /** How it ended, in words; never rejects. */
  readonly ended: Promise<string>;
  /** That the process has used since its start, by its operating system's account. */
  cpuSeconds(): Promise<number>;
  /** Ends it at once, whatever it does. */
  kill(): void;
}

/** In a process of its own on this machine. */
export function forkGenerator(): GeneratorChannel {
  const child = fork(fileURLToPath(new URL("./generator-main.js", import.meta.url)), [], {
    serialization: "advanced",
    // Without those of this process: they may be of a program on its command line.
    execArgv: [...STAY_COMPILED],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  return {
    pid: child.pid,
    get isOpen() {
      return child.connected;
    },
    send: (command) => void child.send(command),
    onReply: (listener) => void child.on("message", (reply) => listener(reply as GeneratorReply)),
    ended: new Promise((resolve) => {
      child.once("exit", (code, signal) => resolve(signal ?? `exit ${code}`));
    }),
    cpuSeconds: async () => (child.pid === undefined ? 0 : readCpuSeconds([child.pid])),
    kill: () => void child.kill("SIGKILL"),
  };
}

/**
 * The generator keeps time for all: where we may, it goes before the hubs that it measures. Without the right to do so it
 * competes like any process, and the trials' own check of its lateness decides. Of a generator on this machine.
 */
export function favour({ pid }: GeneratorChannel): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, GENERATOR_NICENESS);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ERR_SYSTEM_ERROR") throw error;
  }
}

const GENERATOR_NICENESS = -10;
