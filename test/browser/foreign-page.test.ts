/** What a page of another site can do to a hub on this machine, in a real browser: nothing. What a page that is let in can do. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { HubEdge, HubEdgeOptions } from "@hubscale/hub-runtime";
import { ConformanceContext, startMemoryHub } from "@hubscale/hub-runtime/testing";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { findChromium } from "./chromium.ts";

const executablePath = findChromium(process.env);
if (!executablePath) console.log("No Chromium on the PATH or in HUBSCALE_CHROMIUM: no foreign page is opened in a browser.");

/** The page's own. */
declare const WebSocket: new (
  url: string,
) => { addEventListener(type: "open" | "error", run: () => void): void; send(text: string): void };

/** Leads the browser to this machine, as a name does that an attacker has turned around. */
const REBOUND = "rebound.example";

describe.skipIf(!executablePath)("a page of another origin", () => {
  let browser: Browser;
  let site: Server;
  let siteUrl: string;
  let hub: HubEdge;

  beforeAll(async () => {
    const args = ["--no-sandbox", `--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`];
    browser = await chromium.launch({ executablePath: executablePath as string, args });
    site = createServer((_request, response) => response.setHeader("content-type", "text/html").end("<title>site</title>"));
    await once(site.listen(0, "127.0.0.1"), "listening");
    siteUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    await browser.close();
    site.close();
  });
  afterEach(() => hub.close());

  async function open(options: Partial<HubEdgeOptions> = {}): Promise<{ page: Page; context: ConformanceContext }> {
    hub = await startMemoryHub(options);
    const page = await browser.newPage();
    await page.goto(siteUrl);
    return { page, context: new ConformanceContext({ ws: hub.wsUrl, http: hub.httpUrl }, 3_000) };
  }

  /** Whether a socket opens; whether a request that needs no leave of the hub is taken. */
  const attempts = (page: Page, token: string) =>
    page.evaluate(
      async ({ http, ws, token }) => {
        const opens = await new Promise<boolean>((resolve) => {
          const socket = new WebSocket(ws);
          socket.addEventListener("open", () => {
            socket.send(JSON.stringify({ type: "identify", agent_id: "from-a-page", token }));
            resolve(true);
          });
          socket.addEventListener("error", () => resolve(false));
        });
        const post = (path: string, body: object, headers: Record<string, string> = {}) =>
          fetch(`${http}${path}`, { method: "POST", mode: "no-cors", headers, body: JSON.stringify(body) }).then(
            ({ type }) => type,
            () => "failed",
          );
        const register = await post("/api/onboard/register", { agent_id: "from-a-page" });
        await post("/api/tasks", { description: "from a page" }, { authorization: `Bearer ${token}` });
        const reads = await fetch(`${http}/api/agents`).then(
          () => true,
          () => false,
        );
        return { opens, register, reads };
      },
      { http: hub.httpUrl, ws: hub.wsUrl, token },
    );

  it("opens no socket, registers nobody, submits nothing and reads nothing", async () => {
    const { page, context } = await open();
    const token = await context.submitter();
    expect(await attempts(page, token)).toEqual({ opens: false, register: "opaque", reads: false });
    // The browser does not tell the page what became of its registration; the hub does.
    const { status } = await context.http("POST", "/api/onboard/register", { body: { agent_id: "from-a-page" } });
    expect(status).toBe(201);
    expect((await context.http("GET", "/api/tasks", { token })).body).toEqual({ tasks: [], count: 0 });
    await page.close();
    await context.close();
  });

  it("gets nothing by a name that leads here", async () => {
    const { page, context } = await open();
    const answer = await page.goto(`http://${REBOUND}:${hub.port}/api/agents`);
    expect(answer?.status()).toBe(403);
    const opens = await page.evaluate(
      (url) =>
        new Promise<boolean>((resolve) => {
          const socket = new WebSocket(url);
          socket.addEventListener("open", () => resolve(true));
          socket.addEventListener("error", () => resolve(false));
        }),
      `ws://${REBOUND}:${hub.port}/ws`,
    );
    expect(opens).toBe(false);
    await page.close();
    await context.close();
  });

  it("opens a socket and registers where its site is allowed", async () => {
    const { page, context } = await open({ allowedOrigins: [siteUrl] });
    const token = await context.submitter();
    // It may send; to read the answers a page needs leave of its browser, which asks for more than the hub says.
    expect(await attempts(page, token)).toMatchObject({ opens: true, register: "opaque" });
    const { status } = await context.http("POST", "/api/onboard/register", { body: { agent_id: "from-a-page" } });
    expect(status).toBe(409);
    await page.close();
    await context.close();
  });
});
