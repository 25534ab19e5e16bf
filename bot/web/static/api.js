// Asks the service. Every answer is JSON; what went wrong is a sentence in `why`.

export class Refused extends Error {
  constructor(status, why) {
    super(why);
    this.status = status;
  }
}

let csrf = "";

async function ask(path, options) {
  let response;
  try {
    response = await fetch(`api/${path}`, { ...options, signal: AbortSignal.timeout(15_000) });
  } catch {
    throw new Refused(0, "The service does not answer. Trying again.");
  }
  const said = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, said.why ?? `It answered ${response.status}.`);
  return said;
}

export const get = (path) => ask(path, {});

export const post = (path, body = {}) =>
  ask(path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", "X-Parley-Csrf": csrf },
  });

export async function session() {
  const found = await get("session");
  csrf = found.csrf;
  return found;
}
