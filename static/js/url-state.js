/* The address is the state of the page: reload, the back button and a link sent to somebody show the same view. What a saved
   view says holds as far as the address says nothing else. */

/** A saved view that the page shows.
 * @typedef {{id: string, query: string}} SavedView */

/** @param {string} name */
export function read(name) {
  return current().get(name);
}

/** @param {string} name */
export function readList(name) {
  return current().getAll(name).filter(Boolean);
}

/** @param {Record<string, unknown>} changes values by name; one that is empty removes its name */
export function write(changes) {
  replace(changed(changes));
}

/**
 * @param {string} name
 * @param {string[]} values
 */
export function writeList(name, values) {
  replace(changed({ [name]: values }));
}

/** The query that the page shows: what the address says, and for the rest what its view says. */
export function current() {
  return effective(location.search, savedView());
}

/**
 * The query of the address with some values changed.
 * @param {Record<string, unknown>} changes values, or lists of them, by name
 */
export function changed(changes) {
  return withChanges(location.search, savedView(), changes);
}

/** @returns {SavedView | null} */
function savedView() {
  const { view, viewQuery = "" } = document.getElementById("workspace")?.dataset ?? {};
  return view ? { id: view, query: viewQuery } : null;
}

/**
 * @param {string} search
 * @param {SavedView | null} view
 */
export function effective(search, view) {
  const query = new URLSearchParams(search);
  const saved = new URLSearchParams(view?.query ?? "");
  for (const name of new Set(saved.keys())) {
    if (query.has(name)) continue;
    for (const value of saved.getAll(name)) query.append(name, value);
  }
  return query;
}

/**
 * A query string with some values changed. What must not be as the view says is there and empty.
 * @param {string} search
 * @param {SavedView | null} view
 * @param {Record<string, unknown>} changes
 */
export function withChanges(search, view, changes) {
  const query = new URLSearchParams(search);
  const saved = new URLSearchParams(view?.query ?? "");
  if (view) query.set("view", view.id);
  for (const [name, value] of Object.entries(changes)) {
    const values = (Array.isArray(value) ? value : [value ?? ""]).map(String).filter(Boolean);
    query.delete(name);
    for (const one of values) query.append(name, one);
    if (!values.length && saved.has(name)) query.append(name, "");
  }
  return query.toString();
}

/** @param {string} query */
function replace(query) {
  const address = location.pathname + (query ? `?${query}` : "") + location.hash;
  if (address !== location.pathname + location.search + location.hash) {
    history.replaceState(history.state, "", address);
    document.dispatchEvent(new CustomEvent("address:change"));
  }
}
