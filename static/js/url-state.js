/* The address is the state of the page: reload, the back button and a link sent to somebody show the same view. */

/** @param {string} name */
export function read(name) {
  return new URLSearchParams(location.search).get(name);
}

/** @param {string} name */
export function readList(name) {
  return new URLSearchParams(location.search).getAll(name);
}

/** @param {Record<string, unknown>} changes values by name; one that is empty removes its name */
export function write(changes) {
  replace(withValues(location.search, changes));
}

/**
 * @param {string} name
 * @param {string[]} values
 */
export function writeList(name, values) {
  replace(withList(location.search, name, values));
}

/**
 * A query string with some values changed; null, undefined and "" remove a name.
 * @param {string} search
 * @param {Record<string, unknown>} changes
 */
export function withValues(search, changes) {
  const query = new URLSearchParams(search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") query.delete(name);
    else query.set(name, String(value));
  }
  return query.toString();
}

/**
 * A query string with all values of one name replaced.
 * @param {string} search
 * @param {string} name
 * @param {string[]} values
 */
export function withList(search, name, values) {
  const query = new URLSearchParams(search);
  query.delete(name);
  for (const value of values) query.append(name, value);
  return query.toString();
}

/** @param {string} query */
function replace(query) {
  const address = location.pathname + (query ? `?${query}` : "") + location.hash;
  if (address !== location.pathname + location.search + location.hash) {
    history.replaceState(history.state, "", address);
  }
}
