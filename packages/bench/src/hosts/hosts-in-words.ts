import type { Hosts } from "./hosts-file.ts";

/** Which machine has which part, for the report. */
export function hostsInWords({ hub, backbone, load }: Hosts): string {
  const of = (name: string | null) => name ?? "the coordinator";
  return `several machines: hub nodes dealt round ${hub.join(", ")}, a hub of one process on ${hub[0]}; backbone servers on ${of(backbone)}; load from ${of(load)}`;
}
