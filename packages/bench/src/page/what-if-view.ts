/** The sliders in the page and what they change. Plain elements of HTML, so that keyboard and screen readers know them. */
import { decideFleet, type FleetDecision, type FleetInput } from "@hubscale/fleet-model";
import { plot } from "@observablehq/plot";
import type { Control } from "./control.ts";
import { fleetPanels } from "./fleet-panels.ts";
import { svgText } from "./svg-text.ts";
import { controlsOf, fromLink, toLink, withChanges } from "./what-if-controls.ts";

/** Draws for the intervals, made once the sliders rest. */
const DRAWS = 60;
const REST_MS = 300;

export interface WhatIfPlaces {
  controls: HTMLElement;
  verdict: HTMLElement;
  keyFigures: HTMLElement;
  charts: HTMLElement;
  message: HTMLElement;
}

interface Field {
  control: Control;
  show(input: FleetInput): void;
}

export class WhatIfView {
  readonly #given: FleetInput;
  /** The answer for the fleet as given, by the number of draws: what has an interval is compared with what has one. */
  readonly #givenDecisions = new Map<number, FleetDecision>();
  readonly #places: WhatIfPlaces;
  readonly #fields: Field[] = [];
  #changes = new Map<string, string>();
  #resting: ReturnType<typeof setTimeout> | undefined;
  #frame = 0;

  constructor(given: FleetInput, places: WhatIfPlaces) {
    this.#given = given;
    this.#places = places;
    this.#build();
  }

  /** Takes the changes of the link; what it cannot use it says. */
  open(hash: string): void {
    const changes = fromLink(hash);
    const { ignored } = withChanges(this.#given, changes);
    this.#changes = new Map([...changes].filter(([id, value]) => !ignored.includes(`${id}=${value}`)));
    this.#places.message.textContent =
      ignored.length > 0 ? `Left out of the link, since this fleet has no such setting: ${ignored.join(", ")}` : "";
    this.#update();
  }

  #build(): void {
    const { controls } = this.#places;
    const all = controlsOf(this.#given);
    controls.append(this.#buttons());
    for (const group of new Set(all.map((control) => control.group))) {
      const set = element("fieldset");
      const members = all.filter((control) => control.group === group);
      set.append(element("legend", group), ...members.map((control) => this.#field(control)));
      controls.append(set);
    }
  }

  #buttons(): HTMLElement {
    const row = element("p");
    row.className = "buttons";
    const button = (text: string, press: () => void) => {
      const made = element("button", text);
      made.type = "button";
      made.addEventListener("click", press);
      row.append(made);
    };
    for (const only of TIERS) {
      button(`all tasks ${only}`, () => this.#change(new Map(TIERS.map((tier) => [tier, tier === only ? "100" : "0"]))));
    }
    button("as given", () => {
      this.#changes.clear();
      this.#update();
    });
    return row;
  }

  #field(control: Control): HTMLElement {
    const label = element("label");
    const name = element("span", control.label);
    const value = element("output");
    const input = control.kind === "scale" ? slider(control) : select(control);
    input.id = `control-${control.id}`;
    value.htmlFor.add(input.id);
    input.addEventListener("input", () => {
      const chosen = control.kind === "scale" ? control.values[Number(input.value)] : input.value;
      if (chosen !== undefined) this.#change(new Map([[control.id, chosen]]));
    });
    label.append(name, input, value);
    this.#fields.push({
      control,
      show: (now) => {
        const present = control.read(now);
        const text = control.text(present);
        if (control.kind === "choice") {
          input.value = present;
          return;
        }
        input.value = String(nearest(control, present));
        input.setAttribute("aria-valuetext", text);
        value.textContent = text;
      },
    });
    return label;
  }

  /** A control that is back where the fleet has it is no change any more. */
  #change(changes: ReadonlyMap<string, string>): void {
    for (const [id, value] of changes) this.#changes.set(id, value);
    for (const { control } of this.#fields) {
      const isShare = (TIERS as readonly string[]).includes(control.id);
      if (!isShare && this.#changes.get(control.id) === control.read(this.#given)) this.#changes.delete(control.id);
    }
    this.#update();
  }

  #update(): void {
    const link = toLink(this.#changes);
    history.replaceState(null, "", link === "" ? location.pathname + location.search : `#${link}`);
    const { input } = withChanges(this.#given, this.#changes);
    for (const field of this.#fields) field.show(input);
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#resting);
    this.#frame = requestAnimationFrame(() => this.#show(input, 0));
    this.#resting = setTimeout(() => this.#show(input, DRAWS), REST_MS);
  }

  #givenDecision(draws: number): FleetDecision {
    const known = this.#givenDecisions.get(draws);
    const decision = known ?? decideFleet(withDraws(this.#given, draws));
    if (!known) this.#givenDecisions.set(draws, decision);
    return decision;
  }

  #show(input: FleetInput, draws: number): void {
    const { charts, keyFigures, verdict } = this.#places;
    const asked = withDraws(input, draws);
    try {
      const given = this.#changes.size > 0 ? this.#givenDecision(draws) : undefined;
      const panels = fleetPanels(asked, decideFleet(asked), draw, given);
      verdict.textContent = panels.verdict;
      keyFigures.innerHTML = panels.keyFigures;
      replaceKeepingOpen(charts, panels.charts);
    } catch (error) {
      // A fleet that no model fits, such as one without any agent: say so, keep the sliders.
      verdict.textContent = `This fleet cannot be computed: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
}

const TIERS = ["trivial", "standard", "complex"] as const;

function withDraws(input: FleetInput, draws: number): FleetInput {
  return { ...input, uncertainty: { ...input.uncertainty, draws } };
}

function draw(options: Parameters<typeof plot>[0] & { ariaLabel: string }): string {
  const chart = plot({ width: 860, style: { background: "transparent", color: "currentColor", fontSize: "13px" }, ...options });
  return svgText(chart);
}

/** The tables that the reader has opened stay open. */
function replaceKeepingOpen(place: HTMLElement, html: string): void {
  const open = [...place.querySelectorAll("details")].map((details) => details.open);
  place.innerHTML = html;
  for (const [i, details] of [...place.querySelectorAll("details")].entries()) details.open = open[i] ?? false;
}

function slider({ values }: Control): HTMLInputElement {
  const input = element("input");
  input.type = "range";
  input.min = "0";
  input.max = String(values.length - 1);
  input.step = "1";
  return input;
}

function select({ text, values }: Control): HTMLSelectElement {
  const input = element("select");
  for (const value of values) {
    const option = element("option", text(value));
    option.value = value;
    input.append(option);
  }
  return input;
}

/** The step of a slider that shows a value, its own or the nearest. */
function nearest({ values }: Control, present: string): number {
  const exact = values.indexOf(present);
  if (exact >= 0) return exact;
  const distance = (value: string | undefined) => Math.abs(Number(value) - Number(present));
  return values.reduce((best, value, i) => (distance(value) < distance(values[best]) ? i : best), 0);
}

function element<K extends keyof HTMLElementTagNameMap>(name: K, text = ""): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
