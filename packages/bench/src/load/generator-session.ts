import type { Clock } from "@hubscale/sidecar-sim";
import type { ConnectCommand, GeneratorCommand, GeneratorReply, HoldCommand, TrialPhase } from "./generator-protocol.ts";
import type { HeldLoad, HeldLoadSetting } from "./held-load.ts";
import { IdleLoad } from "./idle-load.ts";
import { LoadGenerator } from "./load-generator.ts";
import { MessageLoad } from "./message-load.ts";
import { StreamingLoad } from "./streaming-load.ts";
import { runTrial } from "./trial-run.ts";

/** Carries out the bench's commands one after the other. */
export class GeneratorSession {
  readonly #clock: Clock;
  readonly #reply: (reply: GeneratorReply) => void;
  #generator: LoadGenerator | undefined;
  #held: HeldLoad | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(clock: Clock, reply: (reply: GeneratorReply) => void) {
    this.#clock = clock;
    this.#reply = reply;
  }

  /** Resolves to true when the session is over. Rejects on a defect of the generator only. */
  take(command: GeneratorCommand): Promise<boolean> {
    const done = this.#last.then(() => this.#carryOut(command));
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #carryOut(command: GeneratorCommand): Promise<boolean> {
    switch (command.kind) {
      case "connect":
        await this.#connect(command);
        return false;
      case "trial":
        if (this.#generator) {
          const enter = (phase: TrialPhase) => this.#reply({ kind: "phase", id: command.id, phase });
          this.#reply(await runTrial(this.#generator, command, enter));
        } else {
          this.#reply({ kind: "failed", command: "trial", code: "not_connected", detail: "connect first" });
        }
        return false;
      case "open":
        this.#held = heldLoad(command, this.#clock);
        this.#reply({ kind: "opened" });
        return false;
      case "hold":
        await this.#hold(command);
        return false;
      case "close":
        if (this.#held) {
          this.#reply({ kind: "closed", history: await this.#held.close() });
        } else if (this.#generator) {
          const history = await this.#generator.check();
          await this.#generator.close();
          this.#generator = undefined;
          this.#reply({ kind: "closed", history });
        } else {
          this.#reply({ kind: "failed", command: "close", code: "not_connected", detail: "nothing to close" });
        }
        return true;
    }
  }

  async #hold(command: HoldCommand): Promise<void> {
    try {
      if (!this.#held) throw new Error("open a load first");
      this.#reply({ kind: "held", ...(await this.#held.hold(command)) });
    } catch (error) {
      // What a hub cannot take is a result of the search, not a defect of the generator.
      this.#reply({ kind: "failed", command: "hold", code: "cannot_hold", detail: (error as Error).message });
    }
  }

  async #connect(command: ConnectCommand): Promise<void> {
    if (this.#generator) {
      this.#reply({ kind: "failed", command: "connect", code: "already_connected", detail: "one hub for each generator" });
      return;
    }
    const outcome = await LoadGenerator.connect(command, {
      clock: this.#clock,
      note: (text) => this.#reply({ kind: "note", text }),
      ...(command.known && { known: command.known }),
    });
    if (!outcome.ok) {
      this.#reply({ kind: "failed", command: "connect", code: outcome.code, detail: outcome.detail });
      return;
    }
    this.#generator = outcome.generator;
    this.#reply({
      kind: "connected",
      ms: outcome.ms,
      registerMs: outcome.registerMs,
      agents: command.agents,
      counters: outcome.generator.counters(),
      tokens: outcome.tokens,
    });
  }
}

function heldLoad(setting: HeldLoadSetting, clock: Clock): HeldLoad {
  switch (setting.load) {
    case "streams":
      return new StreamingLoad(setting, clock);
    case "directMessages":
    case "broadcasts":
      return new MessageLoad(setting, clock);
    case "idleAgents":
      return new IdleLoad(setting, clock);
  }
}
