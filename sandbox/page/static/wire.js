// Asks the page's server: the simulators' controls and the bot, all of them through one origin.

export class Refused extends Error {}

async function said(response) {
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(answer.error?.message ?? answer.why ?? `It answered ${response.status}.`);
  return answer;
}

export async function get(path, { signal } = {}) {
  return said(await fetch(path, { signal }));
}

export async function send(method, path, body = {}) {
  return said(await fetch(path, { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }));
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Follows a feed of changes for ever; whoever serves it may come and go.
export async function follow(ask, heard) {
  let after = 0;
  for (;;) {
    try {
      const { last, changes } = await ask(after);
      after = last;
      if (changes.length) await heard(changes);
    } catch {
      await pause(1000);
    }
  }
}
