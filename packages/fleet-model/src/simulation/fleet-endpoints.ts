/** All endpoints of a simulated fleet: a row of numbers for each, beside each other, and a machine for each kind that turns from row to row. */
import { type EndpointMachine, endpointNumbers } from "./endpoint-machine.ts";
import type { Endpoint } from "../closed-form/gpu-round.ts";

/** Doubles to a line of the processor's cache. */
const LINE_DOUBLES = 8;

export class FleetEndpoints {
  readonly rows: Float64Array;
  readonly names: string[] = [];
  private readonly machines: EndpointMachine[] = [];
  /** Where the row of each begins; behind the last where that ends. */
  private readonly at: number[] = [0];

  /** Room for all of these. */
  constructor(kinds: readonly { endpoint: Endpoint; count: number }[]) {
    this.rows = new Float64Array(kinds.reduce((sum, { endpoint, count }) => sum + count * endpointNumbers(endpoint), 0));
  }

  get count(): number {
    return this.machines.length;
  }

  /** One more, with nothing to do. `machine` is that of its kind, made over `rows`. */
  add(name: string, endpoint: Endpoint, machine: EndpointMachine): void {
    const at = this.at[this.count] as number;
    machine.begin(at);
    this.machines.push(machine);
    this.names.push(name);
    this.at.push(at + endpointNumbers(endpoint));
  }

  /** The machine of its kind, turned to it. */
  turnedTo(endpoint: number): EndpointMachine {
    const machine = this.machines[endpoint] as EndpointMachine;
    machine.turnTo(this.at[endpoint] as number);
    return machine;
  }

  /** Reads a number of each line of its row. */
  glance(endpoint: number): number {
    const { rows } = this;
    const end = this.at[endpoint + 1] as number;
    let sum = 0;
    for (let place = this.at[endpoint] as number; place < end; place += LINE_DOUBLES) sum += rows[place] as number;
    return sum;
  }
}
