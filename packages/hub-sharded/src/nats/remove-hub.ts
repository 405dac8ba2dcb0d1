/** Removes what a hub has left in a NATS that goes on running. */
import { JetStream } from "./jetstream.ts";
import { NatsLink } from "./nats-link.ts";

/** All streams of that namespace. */
export async function removeNatsHub(url: string, namespace: string): Promise<void> {
  const link = await NatsLink.open({ servers: [url], node: "removal", log: () => undefined });
  try {
    const jetstream = new JetStream(link, { direct: false });
    const names = (await jetstream.streamNames()).filter((name) => name.replace(/^KV_/, "").startsWith(`${namespace}-`));
    for (const name of names) await jetstream.removeStream(name);
  } finally {
    link.close();
  }
}
