// The switches that break things, and those that move replicas and the clock.

import { h, place } from "/shared/dom.js";
import { get, pause, send } from "./wire.js";

const STORY = "Tell me the story of the lighthouse keeper.";
const ENOUGH = 60; // characters that are visible before the bot is killed
const weekday = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone: "UTC" });

// The next Monday, two seconds before nine (UTC): when the digest of the week is due.
function monday(nowIso) {
  const now = new Date(nowIso), then = new Date(now);
  then.setUTCHours(8, 59, 58, 0);
  then.setUTCDate(then.getUTCDate() + ((8 - then.getUTCDay()) % 7));
  if (then <= now) then.setUTCDate(then.getUTCDate() + 7);
  return then;
}

export function breakers(root, { slack, panes, follow, happened, botChanged }) {
  let state = { replicas: [], busy: true };
  const buttons = new Map();

  function button(name, label, title, act) {
    const element = h("button", { class: "button", type: "button", title, "data-key": name, onclick: () => press(element, act) }, label);
    buttons.set(name, element);
    return element;
  }

  async function press(element, act) {
    element.setAttribute("aria-busy", "true");
    try {
      await act();
    } catch (error) {
      happened(`That did not work: ${error.message}`);
    } finally {
      element.removeAttribute("aria-busy");
      await look();
    }
  }

  async function bot(verb, given) {
    state = await send("POST", `/bot/${verb}`, given);
    botChanged(state);
  }

  const acts = {
    overloaded: async () => {
      await send("POST", "/via/claude/_control/faults", { faults: [{ kind: "status", status: 529 }], times: 3 });
      happened("Claude is overloaded: the next three requests are refused with status 529. Ask something, and see that you are answered all the same.");
    },
    cut: async () => {
      await send("POST", "/via/claude/_control/faults", { faults: [{ kind: "cut", after_chunks: 12 }] });
      happened("The next answer of Claude’s breaks off in the middle. Ask something: the reply goes on in the same message.");
    },
    limited: async () => {
      await send("POST", "/via/slack/_control/faults", { faults: [{ kind: "rate_limited", retry_after_s: 3 }], times: 2 });
      happened("Slack answers the next two calls with “too many requests, come back in 3 s”.");
    },
    drop: async () => {
      await send("POST", "/via/discord/_control/gateway", { trouble: "drop" });
      happened("Discord’s gateway dropped the connection. The bot resumes it; nothing that was said meanwhile is lost.");
    },
    kill: async () => {
      const place = panes.slack.place;
      const said = await slack.say({ text: STORY, place: place.id, mention: !place.direct });
      follow(said);
      panes.slack.goTo(place.id, place.direct ? null : said.thread);
      await written(place.id, said.thread);
      happened("Killed (SIGKILL) in mid-sentence. A new process starts in a second, and goes on in the same message.");
      await bot("kill");
      happened("Started again.");
    },
    replicas: async () => {
      const count = state.replicas.length > 1 ? 1 : 2;
      await bot("replicas", { count });
      happened(count === 2
        ? "Two replicas on one database: whoever is free takes the next turn. (They share an SQLite file here for the show; on PostgreSQL they may be on as many machines as you like.)"
        : "One replica again.");
    },
    killOne: async () => {
      await bot("kill_one");
      happened("One of two replicas was killed. What it was answering is taken over by the other once its lease is over, here after six seconds.");
    },
    clock: async () => {
      for (let waited = 0; waited < 100 && Object.values(panes).some((each) => each.busy); waited += 1) await pause(100);
      const then = monday(state.now);
      await bot("clock", { to: then.toISOString() });
      happened(`For the bot it is now ${weekday.format(then)}; at 09:00 the digest arrives in #general of both.`);
    },
    calm: async () => {
      await Promise.all([
        send("DELETE", "/via/claude/_control/faults"), send("DELETE", "/via/slack/_control/faults"), send("POST", "/via/discord/_control/clear_faults"),
      ]);
      happened("All is well again.");
    },
  };

  // Wait until some of the answer is there.
  async function written(channel, thread) {
    for (let waited = 0; waited < 200; waited += 1) {
      const inThread = slack.messages(channel, thread), answers = inThread.length > 1 ? inThread : slack.messages(channel);
      if (answers.some((message) => message.author.bot && message.streaming && message.text.length > ENOUGH)) return;
      await pause(50);
    }
  }

  async function look() {
    try {
      state = await get("/bot");
    } catch {
      state = { replicas: [], busy: true, now: new Date().toISOString(), ahead_s: 0 };
    }
    botChanged(state);
    buttons.get("replicas").setAttribute("aria-pressed", String(state.replicas.length > 1));
    buttons.get("killOne").hidden = state.replicas.length < 2;
    for (const name of ["kill", "replicas", "killOne", "clock"]) buttons.get(name).disabled = state.busy;
  }

  place(root, h("h2", {}, "Break something"), h("div", { class: "switches" },
    button("overloaded", "Claude overloaded", "The next three requests to Claude are refused", acts.overloaded),
    button("cut", "Cut the stream", "The next answer breaks off", acts.cut),
    button("limited", "Slack rate limit", "Slack asks to wait", acts.limited),
    button("drop", "Drop the gateway", "Discord’s connection breaks", acts.drop),
    button("kill", "Kill in mid-reply", "Ask for a story, kill the process in the middle, start it again", acts.kill),
    button("replicas", "Two replicas", "Run the bot twice", acts.replicas),
    button("killOne", "Kill one", "Kill one of the two", acts.killOne),
    button("clock", "Monday 09:00", "Move the bot’s clock to when the digest is due", acts.clock),
    button("calm", "All calm", "Take back what is broken", acts.calm)));
  look();
  setInterval(() => document.hidden || look(), 3000);
  return acts;
}
