/* The cards of a page put in the places that a layout gives them: in the page, and in what the server sends to replace it,
   so that the two meet. */

import { showTitle } from "../title.js";
import { gone, metricsOf, ordered, sectionOf } from "./layout.js";

/** @typedef {import("./layout.js").Layout} Layout */

const PINNED = "section-pinned";

/**
 * @param {ParentNode} root
 * @param {Layout} layout
 */
export function arrange(root, layout) {
  const sections = /** @type {HTMLElement | null} */ (root.querySelector(".sections"));
  if (!sections) return;
  const cards = cardsIn(sections);
  const away = gone(layout);
  for (const [name, card] of cards) dress(card, name, layout, away.has(name));
  const pins = layout.pinned.filter((name) => cards.has(name) && !away.has(name));
  fill(pinnedSection(sections, pins.length > 0), pins, cards);
  const homes = new Map();
  for (const name of cards.keys()) {
    if (!pins.includes(name)) homes.set(sectionOf(name), [...(homes.get(sectionOf(name)) ?? []), name]);
  }
  for (const section of sections.querySelectorAll(":scope > [data-section]")) {
    const { section: home = "" } = /** @type {HTMLElement} */ (section).dataset;
    if (section.id !== PINNED) fill(section, ordered(homes.get(home) ?? [], layout.order[home]), cards);
  }
  measure(sections);
}

/**
 * The cards by name, in the order in which the server sends them.
 * @param {HTMLElement} sections
 */
function cardsIn(sections) {
  const all = [.../** @type {NodeListOf<HTMLElement>} */ (sections.querySelectorAll(".chart"))];
  for (const [place, card] of all.entries()) card.dataset.place ??= String(place);
  all.sort((a, b) => Number(a.dataset.place) - Number(b.dataset.place));
  return new Map(all.map((card) => [card.dataset.name ?? "", card]));
}

/**
 * @param {HTMLElement} card
 * @param {string} name
 * @param {Layout} layout
 * @param {boolean} isGone
 */
function dress(card, name, layout, isGone) {
  card.toggleAttribute("data-gone", isGone);
  const [columns, rows] = layout.size[name] ?? [1, 1];
  set(card, "columns", columns > 1 ? String(columns) : null);
  set(card, "rows", rows > 1 ? String(rows) : null);
  const metrics = metricsOf(layout, name);
  const text = metrics.length > 1 ? JSON.stringify(metrics) : null;
  if (set(card, "metrics", text)) showTitle(card);
}

/**
 * @param {HTMLElement} element
 * @param {string} name
 * @param {string | null} value
 * @returns whether it is another one now
 */
function set(element, name, value) {
  if ((element.dataset[name] ?? null) === value) return false;
  if (value === null) delete element.dataset[name];
  else element.dataset[name] = value;
  return true;
}

/**
 * @param {HTMLElement} sections
 * @param {boolean} isNeeded
 * @returns {Element | null}
 */
function pinnedSection(sections, isNeeded) {
  const there = sections.querySelector(`#${PINNED}`);
  if (there || !isNeeded) return there;
  const section = document.createElement("details");
  const grid = document.createElement("div");
  const [summary, heading, number] = ["summary", "h2", "span"].map((tag) => document.createElement(tag));
  Object.assign(section, { id: PINNED, className: "section", open: true });
  section.dataset.section = PINNED;
  heading.textContent = "Pinned";
  grid.className = "grid";
  summary.append(heading, " ", number);
  section.append(summary, grid);
  sections.prepend(section);
  return section;
}

/**
 * @param {Element | null} section
 * @param {string[]} names
 * @param {Map<string, HTMLElement>} cards
 */
function fill(section, names, cards) {
  const grid = section?.querySelector(".grid");
  for (const [i, name] of grid ? names.entries() : []) {
    const card = cards.get(name);
    if (card && grid?.children[i] !== card) grid?.insertBefore(card, grid.children[i] ?? null);
  }
}

/** How many columns each section wants: sections of few charts stand side by side. @param {HTMLElement} sections */
function measure(sections) {
  let all = 0;
  for (const section of /** @type {NodeListOf<HTMLElement>} */ (sections.querySelectorAll(":scope > [data-section]"))) {
    const cards = [.../** @type {NodeListOf<HTMLElement>} */ (section.querySelectorAll(".chart:not([data-gone])"))];
    const columns = cards.reduce((sum, { dataset }) => sum + Number(dataset.columns ?? 1), 0);
    if (section.id === PINNED && !section.querySelector(".chart")) section.remove();
    else section.dataset.charts = String(columns);
    section.toggleAttribute("data-empty", !cards.length);
    const number = section.querySelector("summary > span");
    if (number) number.textContent = String(cards.length);
    all += columns;
  }
  set(sections, "few", all < 4 ? String(all) : null);
}
