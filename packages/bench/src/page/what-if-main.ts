/** Starts the what-if of a report: the fleet is in the page, the changes are in its link. */
import type { FleetInput } from "@hubscale/fleet-model";
import { WhatIfView } from "./what-if-view.ts";

function place(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

const given = JSON.parse(place("fleet-input").textContent ?? "") as FleetInput;
const view = new WhatIfView(given, {
  controls: place("what-if-controls"),
  verdict: place("what-if-verdict"),
  keyFigures: place("what-if-figures"),
  charts: place("what-if-charts"),
  message: place("what-if-message"),
});
place("what-if-controls").hidden = false;
view.open(location.hash);
window.addEventListener("hashchange", () => view.open(location.hash));
// On paper every table is open.
window.addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
