/** Hubs that differ in their number of nodes alone. */

/** `sharded-redis` for `sharded-redis@4`; `sharded-redis@Nx2` for `sharded-redis@4x2`. */
export function familyOf(hubId: string): string {
  return hubId.replace(/@\d+$/, "").replace(/@\d+x/, "@Nx");
}

/** The member of a family with that many nodes. */
export function memberOf(family: string, nodes: number): string {
  return family.includes("@N") ? family.replace("@N", `@${nodes}`) : `${family}@${nodes}`;
}
