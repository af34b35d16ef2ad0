/* What the controls and the figures of the compare page do to the rest of it. */

/** What we use of htmx.
 * @typedef {{ajax: (verb: string, address: string, options: {source: string, target: string, swap: string}) => Promise<void>}} Htmx */

/** @param {string} id of a part; one that was not asked for yet stays so */
export function renew(id) {
  const part = document.getElementById(id);
  const htmx = /** @type {Htmx | undefined} */ (/** @type {any} */ (window).htmx);
  if (!part || !htmx) return;
  const address = location.pathname + location.search;
  // A part that also renews itself asks for what the address says from now on.
  if (part.hasAttribute("hx-get")) part.setAttribute("hx-get", address);
  if (part.dataset.later !== undefined) return;
  // With the source the request says what it is for, and is answered with that part of the page.
  htmx.ajax("GET", address, { source: `#${id}`, target: `#${id}`, swap: "outerMorph" });
}

/** @type {number | null} */
let lit = null;

/** @param {number | null} id of the run that is pointed at */
export function raiseLit(id) {
  if (id === lit) return;
  lit = id;
  document.body.dispatchEvent(new CustomEvent("runs:lit", { detail: { id } }));
}
