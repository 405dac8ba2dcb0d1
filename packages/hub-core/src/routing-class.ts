/**
 * The routing class of a task: all tasks of a class can be run by the same agents. Written as `tier/capabilities/assign_to`
 * in letters, digits, `-`, `_`, `/` and `=` only, so that it can be part of a Redis key, a BullMQ queue name, a NATS subject
 * or a JetStream key as it is.
 */
import type { Task } from "@hubscale/protocol";
import { type IdleAgent, isQualified } from "./scheduling.ts";
import { scheduledTier } from "./routing.ts";

export interface RoutingClass extends Pick<Task, "needed_capabilities" | "assign_to"> {
  tier: "trivial" | "standard" | "complex";
}

export function routingClassOf(task: Pick<Task, "complexity" | "needed_capabilities" | "assign_to">): string {
  const capabilities = [...new Set(task.needed_capabilities)].sort().map(escaped).join("_");
  return `${scheduledTier(task)}/${capabilities}/${task.assign_to === null ? "" : escaped(task.assign_to)}`;
}

/** The reverse of `routingClassOf`. Throws on anything that it did not write. */
export function parseRoutingClass(routingClass: string): RoutingClass {
  const [tier, capabilities, assignTo, ...rest] = routingClass.split("/");
  const known = tier === "trivial" || tier === "standard" || tier === "complex";
  if (!known || capabilities === undefined || assignTo === undefined || rest.length > 0) {
    throw new Error(`not a routing class: "${routingClass}"`);
  }
  return {
    tier,
    needed_capabilities: capabilities === "" ? [] : capabilities.split("_").map(unescaped),
    assign_to: assignTo === "" ? null : unescaped(assignTo),
  };
}

export function qualifiesForClass(agent: IdleAgent, routingClass: string): boolean {
  return isQualified(agent, parseRoutingClass(routingClass));
}

/** `=` and four hex digits for each other UTF-16 unit, lone surrogates included; a lone `=` for the empty text. */
function escaped(text: string): string {
  if (text === "") return "=";
  return text.replace(/[^A-Za-z0-9-]/g, (unit) => `=${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function unescaped(text: string): string {
  if (text === "=") return "";
  return text.replace(/=([0-9a-f]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
