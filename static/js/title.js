/* The window's title and the end of the path follow the heading, which is renewed when its object is renamed. Only of a heading:
   the drawing library has a `data-title`, too. */

document.addEventListener("htmx:after:settle", () => {
  const head = /** @type {HTMLElement | null} */ (document.querySelector(":is(.head, .run-head)[data-title]"));
  if (!head) return;
  document.title = head.dataset.title ?? "";
  const crumb = document.querySelector("ol.path [aria-current=page]");
  const name = head.querySelector("h1")?.textContent?.trim() ?? "";
  if (crumb && crumb.textContent !== name) crumb.textContent = name;
});
