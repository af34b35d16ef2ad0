/* Ways out of a page that says what went wrong: back to where one was, or the same again. */

/** @param {HTMLButtonElement} button with data-way, `back` or `again` */
export function start(button) {
  const isBack = button.dataset.way === "back";
  // Whoever came by a link from elsewhere, or opened the page in a new tab, has nowhere here to go back to.
  button.hidden = isBack && (history.length < 2 || !document.referrer.startsWith(location.origin));
  button.addEventListener("click", () => (isBack ? history.back() : location.reload()));
}
