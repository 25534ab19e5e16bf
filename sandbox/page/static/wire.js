// Asks the page's server: the simulators' controls and the bot, all of them through one origin.

const WAIT_S = 20; // for something to change

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

// Hears what a feed has told so far, and then follows it for ever; whoever serves it may come and go.
export async function follow(ask, heard) {
  let after = 0;
  const once = async (waitS) => {
    const { last, changes } = await ask(after, waitS);
    after = last;
    if (changes.length) await heard(changes);
  };
  await once(0);
  forever(once);
}

async function forever(once) {
  for (;;) {
    try {
      await once(WAIT_S);
    } catch {
      await pause(1000);
    }
  }
}
