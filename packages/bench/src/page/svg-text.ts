/** The part of an SVG element that is needed to write it as text, in a browser and without one. */
interface ChartElement {
  outerHTML: string;
  setAttribute(name: string, value: string): void;
  querySelectorAll(selector: string): Iterable<{ removeAttribute(name: string): void }>;
}

/** One picture with one name: the library names every group of marks too, which a screen reader may not be told. */
export function svgText(chart: unknown): string {
  const element = chart as ChartElement;
  element.setAttribute("role", "img");
  for (const group of element.querySelectorAll("g[aria-label]")) group.removeAttribute("aria-label");
  return element.outerHTML;
}
