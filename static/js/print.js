/* Charts on paper: a picture that was drawn for the screen is scaled to the width of its card. */

const DRAWN = ".plot svg[width][height]:not([viewBox])";

addEventListener("beforeprint", () => {
  for (const svg of document.querySelectorAll(DRAWN)) {
    svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`);
    svg.setAttribute("preserveAspectRatio", "xMinYMin");
    svg.toggleAttribute("data-printed", true);
  }
});

addEventListener("afterprint", () => {
  for (const svg of document.querySelectorAll("svg[data-printed]")) {
    svg.removeAttribute("viewBox");
    svg.removeAttribute("data-printed");
  }
});
