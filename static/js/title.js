/* The title of the window and the end of the path follow the heading, which is renewed when its object is renamed. */

document.addEventListener("htmx:after:settle", () => {
  const head = document.querySelector("[data-title]");
  if (!head) return;
  document.title = head.dataset.title;
  const here = document.querySelector("ol.path [aria-current=page]");
  const name = head.querySelector("h1").textContent.trim();
  if (here.textContent !== name) here.textContent = name;
});
