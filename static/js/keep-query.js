/* Links to pages of the same kind take along how this one is looked at: the address, which scripts change meanwhile. */

/** @param {HTMLElement} nav with data-drop, the names of what is of this page alone */
export function start(nav) {
  const dropped = (nav.dataset.drop ?? "").split(" ");
  const update = () => {
    for (const link of nav.querySelectorAll("a")) link.search = taken(location.search, link.search, dropped);
  };
  document.addEventListener("address:change", update);
  document.addEventListener("htmx:after:settle", update);
}

/**
 * The query of a link. The tab is the one that the link is for.
 * @param {string} here
 * @param {string} own
 * @param {string[]} dropped
 */
export function taken(here, own, dropped) {
  const query = new URLSearchParams(here);
  for (const name of dropped) query.delete(name);
  const tab = new URLSearchParams(own).get("tab");
  query.delete("tab");
  if (tab) query.set("tab", tab);
  return query.toString();
}
