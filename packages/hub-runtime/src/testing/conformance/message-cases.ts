import assert from "node:assert/strict";
import type { ConformanceCase } from "./conformance-case.ts";

/** Docs: wire.md, "WebSocket": messages, the room, channels. */
export const messageCases: readonly ConformanceCase[] = [
  {
    name: "a message to one agent",
    covers: "message to",
    async run(_target, context) {
      const from = await context.agent("from");
      const to = await context.agent("to");
      const other = await context.agent("other");
      from.client.send({ type: "message", to: to.agentId, payload: { text: "hello" }, message_type: "query", reply_to: "m1" });
      const sent = await from.client.take("message_sent");
      const { timestamp, ...message } = await to.client.take("message");
      assert.equal(typeof timestamp, "number");
      assert.deepEqual(message, {
        type: "message",
        id: sent["id"],
        from: from.agentId,
        message_type: "query",
        payload: { text: "hello" },
        reply_to: "m1",
      });
      const rest = await other.client.unread();
      assert.ok(!rest.some(({ type }) => type === "message"), "an agent got a message that was not for it");
    },
  },
  {
    name: "a broadcast returns to its sender",
    covers: "message to every agent",
    async run(_target, context) {
      const from = await context.agent("from");
      const to = await context.agent("to");
      from.client.send({ type: "message", payload: { text: "all" } });
      const { id } = await from.client.take("message_sent");
      for (const { client } of [from, to]) {
        const message = await client.take((frame) => frame.type === "message" && frame["id"] === id);
        assert.equal(message["message_type"], "chat");
        assert.equal(message["reply_to"], null);
      }
    },
  },
  {
    name: "messages for an absent agent wait for it, in order",
    covers: "message: mailbox",
    async run(_target, context) {
      const from = await context.agent("from");
      const absent = context.unique("absent");
      const token = await context.register(absent);
      const ids: unknown[] = [];
      for (const text of ["one", "two"]) {
        from.client.send({ type: "message", to: absent, payload: { text } });
        ids.push((await from.client.take("message_sent"))["id"]);
      }
      from.client.send({ type: "message", payload: { text: "to all" } });
      ids.push((await from.client.take("message_sent"))["id"]);
      const { client } = await context.identify(absent, token);
      const received = [await client.take("message"), await client.take("message"), await client.take("message")];
      assert.deepEqual(
        received.map(({ id }) => id),
        ids,
      );
      await client.close();
      const again = await context.identify(absent, token);
      const rest = await again.client.unread();
      assert.ok(!rest.some(({ type }) => type === "message"), "the mailbox was delivered twice");
    },
  },
  {
    name: "the room reaches every agent",
    covers: "POST /api/room/message",
    async run(_target, context) {
      const { client } = await context.agent("listener");
      const answer = await context.http("POST", "/api/room/message", {
        token: await context.submitter(),
        body: { text: "room hi" },
      });
      assert.equal(answer.status, 201);
      const body = answer.body as Record<string, unknown>;
      assert.deepEqual(Object.keys(body).sort(), ["from", "seq", "text", "timestamp", "type"]);
      assert.equal(body["type"], "chat");
      const heard = await client.take((frame) => frame.type === "room_message" && frame["seq"] === body["seq"]);
      assert.deepEqual(heard, {
        type: "room_message",
        from: context.unique("submitter"),
        message_type: "chat",
        seq: body["seq"],
        text: "room hi",
        timestamp: body["timestamp"],
      });
    },
  },
  {
    name: "a channel reaches its subscribers",
    covers: "channel frames",
    async run(_target, context) {
      const speaker = await context.agent("speaker");
      const subscriber = await context.agent("subscriber");
      const bystander = await context.agent("bystander");
      const channel = context.unique("news");
      subscriber.client.send({ type: "channel_subscribe", channel });
      await subscriber.client.take("channel_subscribed");
      speaker.client.send({ type: "channel_publish", channel, payload: { n: 1 } });
      const { seq } = await speaker.client.take("channel_published");
      const message = await subscriber.client.take("channel_message");
      assert.deepEqual(
        [message["channel"], message["from"], message["payload"], message["seq"]],
        [channel, speaker.agentId, { n: 1 }, seq],
      );
      subscriber.client.send({ type: "channel_history", channel });
      const history = await subscriber.client.take("channel_history");
      assert.deepEqual(
        (history["messages"] as { payload: unknown }[]).map(({ payload }) => payload),
        [{ n: 1 }],
      );
      const listed = await bystander.client.answersTo({ type: "list_channels" });
      const channels = listed.find(({ type }) => type === "channels")?.["channels"] as string[] | undefined;
      assert.ok(channels?.includes(channel), "the channel is not listed");
      assert.ok(!listed.some(({ type }) => type === "channel_message"), "a bystander got a channel's message");
      subscriber.client.send({ type: "channel_unsubscribe", channel });
      await subscriber.client.take("channel_unsubscribed");
      speaker.client.send({ type: "channel_publish", channel, payload: { n: 2 } });
      await speaker.client.take("channel_published");
      const rest = await subscriber.client.unread();
      assert.ok(!rest.some(({ type }) => type === "channel_message"), "a message after the unsubscription");
    },
  },
];
