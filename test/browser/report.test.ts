/** The report in a real browser, opened from the disk as a reviewer would. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { writeReport } from "hubscale/report";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium } from "./chromium.ts";
import { SAMPLE } from "./sample-result.ts";

const executablePath = findChromium(process.env);
if (!executablePath) console.log("No Chromium on the PATH or in HUBSCALE_CHROMIUM: the report is not opened in a browser.");

const folder = mkdtempSync(join(tmpdir(), "hubscale-browser-"));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let address = "";

beforeAll(() => {
  address = pathToFileURL(writeReport(folder, SAMPLE).html).href;
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.skipIf(!executablePath)("the report in Chromium", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath as string, args: ["--no-sandbox"] });
  });
  afterAll(() => browser.close());

  /** A page at rest: sliders built, intervals drawn. What the page said, asked for or stumbled over is in `heard`. */
  async function open(link = "", options: BrowserContextOptions = {}): Promise<{ page: Page; heard: string[] }> {
    const page = await browser.newPage({ viewport: { width: 1_280, height: 900 }, ...options });
    const heard: string[] = [];
    page.on("console", (message) => heard.push(`console ${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => heard.push(`error: ${error.message}`));
    page.on("request", (request) => {
      if (!/^(file|data):/.test(request.url())) heard.push(`request: ${request.url()}`);
    });
    await page.goto(`${address}${link}`);
    await atRest(page);
    return { page, heard };
  }

  const atRest = (page: Page) => page.locator("#what-if-figures", { hasText: "of 60 draws" }).waitFor();
  const verdictOf = (page: Page) => page.locator("#what-if-verdict").textContent();

  it("says nothing on the console, asks nobody for anything, shows every chart with its figures", async () => {
    const { page, heard } = await open();
    expect(heard).toEqual([]);
    expect(await page.locator("h1").textContent()).toBe("Fix the single hub first");
    expect(await page.locator("figure svg").count()).toBeGreaterThanOrEqual(8);
    expect(await page.locator("figure:not(:has(table))").count()).toBe(0);
    await page.close();
  });

  it("changes its verdict with the keyboard alone, and a link shows the same again", async () => {
    const { page, heard } = await open();
    const before = await verdictOf(page);
    await page.getByRole("button", { name: "all tasks complex" }).press("Enter");
    await page.getByLabel("uplink of office").press("Home");
    await page
      .locator("#what-if-verdict")
      .filter({ hasText: /uplink office/ })
      .waitFor();
    await atRest(page);
    const after = await verdictOf(page);
    expect(after).toMatch(/uplink office/);
    expect(await page.locator("#what-if-figures").textContent()).toMatch(/as given:/);
    const link = new URL(page.url()).hash;
    expect(link).toMatch(/complex=100/);
    await page.close();

    const again = await open(link);
    expect(await verdictOf(again.page)).toBe(after);
    await again.page.getByRole("button", { name: "as given" }).click();
    await again.page
      .locator("#what-if-verdict")
      .filter({ hasText: before as string })
      .waitFor();
    expect(new URL(again.page.url()).hash).toBe("");
    expect([...heard, ...again.heard]).toEqual([]);
    await again.page.close();
  });

  it("says how many agents one GPU machine carries, and again when its model does not fit the card", async () => {
    const { page, heard } = await open();
    const panel = page.locator("#what-if-charts");
    const carries = (text: RegExp) => panel.locator("p", { hasText: text }).waitFor();
    await carries(/On box with NUM_PARALLEL 1, several agents behind one queue pay: up to \d+/);
    await page.locator("#control-model-box").selectOption("llama3.1:70b");
    await carries(/On box with NUM_PARALLEL 1, .* Of the model only [\d.]+\s% are on the card/);
    expect(heard).toEqual([]);
    await page.close();
  });

  it("counts every slider and list: each moves by a key and writes itself into the link", async () => {
    const { page, heard } = await open();
    const controls = await page.locator("#what-if-controls :is(input, select)").all();
    expect(controls.length).toBeGreaterThan(15);
    for (const control of controls) {
      const before = await control.inputValue();
      const isLast = (await control.getAttribute("max")) === before;
      if ((await control.evaluate(({ nodeName }) => nodeName)) === "SELECT") await control.selectOption({ index: 1 });
      else await control.press(isLast ? "ArrowLeft" : "ArrowRight");
      const id = (await control.getAttribute("id"))?.replace("control-", "");
      const isMoved = (await control.inputValue()) !== before;
      expect(`${id} ${isMoved ? new URL(page.url()).hash.includes(`${id}=`) : true}`).toBe(`${id} true`);
    }
    expect(heard).toEqual([]);
    await page.close();
    // Each of the moves solves the fleet some three hundred times.
  }, 240_000);

  it("keeps its settings and their link when it is left for another part of the page", async () => {
    const { page, heard } = await open("#complex=100");
    const before = await verdictOf(page);
    const hubs = page.getByRole("navigation").getByRole("link", { name: "The hubs" });
    await hubs.press("Enter");
    const part = (await hubs.getAttribute("href")) as string;
    await page.locator(`${part}:focus`).waitFor();
    expect(new URL(page.url()).hash).toBe("#complex=100");
    expect(await verdictOf(page)).toBe(before);
    expect(await page.locator("#what-if-message").textContent()).toBe("");
    await page.close();

    // Somebody else's link to that part.
    const there = await open(part);
    expect(await there.page.locator("#what-if-message").textContent()).toBe("");
    expect([...heard, ...there.heard]).toEqual([]);
    await there.page.close();
  });

  it("tells of a link that does not fit this fleet, and works on", async () => {
    const { page, heard } = await open("#count-attic=9&growth=0.5");
    expect(await page.locator("#what-if-message").textContent()).toMatch(/count-attic=9/);
    expect(await page.getByLabel("growth of the load").getAttribute("aria-valuetext")).toBe("50 % a month");
    expect(heard).toEqual([]);
    await page.close();
  });

  it.each([
    ["light", 1_280],
    ["dark", 1_280],
    ["light", 390],
  ] as const)("meets WCAG AA in %s at %i pixels, without scrolling sideways", async (colorScheme, width) => {
    const { page } = await open("", { colorScheme, viewport: { width, height: 844 } });
    const violations = await page.evaluate(`${axe}
      axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }).then(({ violations }) =>
        violations.map(({ id, nodes }) => id + ": " + nodes.map((node) => node.target.join(" ") + " " + node.failureSummary).join("; ")))`);
    expect(violations).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")).toBe(true);
    await page.close();
  });
});
