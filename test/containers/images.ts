/** Where the images of the container tests come from. */
import type { ProcessCare } from "hubscale/machine";
import { serverSourcesOf } from "hubscale/provisioning";

export interface ImageNames {
  /** Base of the hub's own. */
  node: string;
  redis: string;
  nats: string;
}

/**
 * The official images, unless HUBSCALE_NODE_IMAGE, HUBSCALE_REDIS_IMAGE and HUBSCALE_NATS_IMAGE name others. Where no registry is
 * reached, HUBSCALE_TEST_IMAGES=debian has them made here.
 */
export async function imagesFor(care: ProcessCare): Promise<ImageNames> {
  if (process.env["HUBSCALE_TEST_IMAGES"] === "debian") {
    // The image that removes forgotten containers is on a registry too.
    process.env["TESTCONTAINERS_RYUK_DISABLED"] = "true";
    const { imagesFromDebian } = await import("./debian-images.ts");
    return imagesFromDebian(care);
  }
  return { node: process.env["HUBSCALE_NODE_IMAGE"] ?? "node:24-bookworm-slim", ...serverSourcesOf(process.env).images };
}
