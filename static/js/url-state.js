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

/**
 * The parameters in which one query differs from another, with their values; those that it lacks have none.
 * @param {URLSearchParams} query
 * @param {URLSearchParams} other
 * @returns {Record<string, string[]>}
 */
export function difference(query, other) {
  const names = [...new Set([...query.keys(), ...other.keys()])];
  return Object.fromEntries(
    names
      .filter((name) => query.getAll(name).join("\n") !== other.getAll(name).join("\n"))
      .map((name) => [name, query.getAll(name)]),
  );
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

/**
 * Change the address at once, before the page has followed; the back button undoes it.
 * @param {Record<string, unknown>} changes
 */
export function push(changes) {
  // The mark by which htmx knows an entry of the history that it shall restore.
  set(changed(changes), (address) => history.pushState({ htmx: true }, "", address));
}

/** @param {string} query */
function replace(query) {
  set(query, (address) => history.replaceState(history.state, "", address));
}

/**
 * @param {string} query
 * @param {(address: string) => void} write
 */
function set(query, write) {
  const address = location.pathname + (query ? `?${query}` : "") + location.hash;
  if (address === location.pathname + location.search + location.hash) return;
  if (!history.state?.htmx) history.replaceState({ htmx: true }, "");
  write(address);
  document.dispatchEvent(new CustomEvent("address:change"));
}
