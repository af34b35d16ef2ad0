/* The address is the state of the page: reload, back and a link sent to somebody show the same view. */

export function read(name) {
  return new URLSearchParams(location.search).get(name);
}

export function readList(name) {
  return new URLSearchParams(location.search).getAll(name);
}

export function write(changes) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") query.delete(name);
    else query.set(name, value);
  }
  keep(query);
}

export function writeList(name, values) {
  const query = new URLSearchParams(location.search);
  query.delete(name);
  for (const value of values) query.append(name, value);
  keep(query);
}

function keep(query) {
  const text = query.toString();
  const address = location.pathname + (text ? "?" + text : "") + location.hash;
  if (address !== location.pathname + location.search + location.hash) history.replaceState(history.state, "", address);
}
