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
view.open(settingsIn(location.hash));
window.addEventListener("hashchange", () => view.open(settingsIn(location.hash)));
// A jump within the page must not replace the settings in its address.
document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[href^='#']") : null;
  const target = link && document.getElementById(link.hash.slice(1));
  if (!target) return;
  event.preventDefault();
  target.scrollIntoView();
  target.tabIndex = -1;
  target.focus({ preventScroll: true });
});

/** None in an address that names a part of the page. */
function settingsIn(hash: string): string {
  return document.getElementById(hash.slice(1)) ? "" : hash;
}

// On paper every table is open.
window.addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
