// Puts the page together: two platforms, what goes on behind the scenes, switches, the tour.

import { h, place } from "/shared/dom.js";
import { themeButton } from "/shared/theme.js";
import { breakers } from "./breakers.js";
import { Discord } from "./discord.js";
import { pane } from "./pane.js";
import { betweenPresses } from "./press.js";
import { scenes } from "./scenes.js";
import { Slack } from "./slack.js";
import { tour } from "./tour.js";
import { get, pause } from "./wire.js";

const at = (id) => document.getElementById(id);
const SHOWN = [["slack", "Slack"], ["discord", "Discord"], ["scenes", "Behind"], ["breakers", "Break"]];
const time = new Intl.DateTimeFormat("en-GB", { weekday: "short", hour: "2-digit", minute: "2-digit", timeZone: "UTC" });

let commands = [];
let announced = "";

// Says something once to whoever listens instead of looking.
function announce(text, key = text) {
  if (key === announced) return;
  announced = key;
  place(at("announcer"), text);
}

async function learnCommands() {
  for (let tries = 0; tries < 30; tries += 1) {
    try {
      const { plugins } = await get("/via/bot/dashboard/api/plugins");
      commands = plugins.flatMap((plugin) => plugin.offers ?? []).sort((one, other) => one.name.localeCompare(other.name));
      document.body.dataset.commands = String(commands.length);
      return;
    } catch {
      await pause(1000);
    }
  }
}

function show(name) {
  document.body.dataset.shown = name;
  drawSwitcher();
}

function drawSwitcher() {
  place(at("switcher"), SHOWN.map(([name, label]) => h("button", {
    type: "button", "data-key": name, "aria-pressed": String(document.body.dataset.shown === name), onclick: () => show(name),
  }, label)));
}

function botChanged(state) {
  const running = state.replicas.filter((each) => each.running);
  const text = state.busy ? "The bot is being started" : running.length === 0 ? "The bot is down" : running.length === 1 ? "Bot running" : `${running.length} replicas running`;
  const kind = state.busy ? "warn" : running.length ? "good" : "bad";
  place(at("bot-state"), h("span", { class: `chip ${kind}`, title: running.map((each) => `process ${each.pid}`).join(", ") }, text), state.ahead_s > 0 && h("span", { class: "muted" }, `${time.format(new Date(state.now))} UTC for the bot`));
  at("dashboard").hidden = !running.length;
  if (running.length) at("dashboard").href = `${running[0].url}/dashboard/`;
}

async function start() {
  themeButton(at("theme"));
  drawSwitcher();
  const slack = new Slack(), discord = new Discord();
  const stage = scenes(at("scenes"));
  const hub = { commands: () => commands, follow: stage.follow, announce };
  const panes = { slack: pane(slack, at("slack"), hub), discord: pane(discord, at("discord"), hub) };
  const draw = { slack: betweenPresses(() => panes.slack.draw()), discord: betweenPresses(() => panes.discord.draw()) };
  await Promise.all([slack.start(draw.slack), discord.start(draw.discord)]);
  panes.slack.draw({ jump: true });
  panes.discord.draw({ jump: true });
  setInterval(draw.discord, 4000); // a typing sign fades by itself
  const acts = breakers(at("breakers"), { slack, panes, follow: stage.follow, happened: stage.happened, botChanged });
  tour(at("tour"), at("tour-button"), [
    {
      title: "Ask something in Slack", button: "Ask for me",
      text: "Mention @Parley in #general, as a colleague would. The answer streams into a thread.",
      show: () => show("slack"),
      act: async () => {
        const general = slack.places()[0];
        const said = await slack.say({ text: "What is a lease, in a table?", place: general.id, mention: true });
        stage.follow(said);
        panes.slack.goTo(general.id, said.thread);
      },
    },
    {
      title: "Look behind the scenes", button: "Show it",
      text: "Every stage of that message has its time: kept before anything else, claimed, first text, committed, delivered. Below are the tokens, what the cache saved, and the cost.",
      act: async () => { show("scenes"); at("scenes").querySelector("[tabindex]").focus(); },
    },
    {
      title: "Say hello on Discord", button: "Say hello",
      text: "The same bot, the same promises, another platform: post and edit instead of a native stream, buttons to stop and to rate.",
      show: () => show("discord"),
      act: async () => {
        const direct = discord.places().find((each) => each.direct);
        panes.discord.goTo(direct.id);
        stage.follow(await discord.say({ text: "Hello! What can you do?", place: direct.id }));
      },
    },
    {
      title: "Kill it in mid-reply", button: "Kill it",
      text: "Ask for a story and kill the process while it tells it. Whoever starts next goes on in the same message: one question, one complete answer.",
      show: () => show("slack"),
      act: acts.kill,
    },
    {
      title: "Let Monday come", button: "Move the clock",
      text: "At nine on Monday the weekly digest arrives, once, with its picture: what all of this cost, to the cent.",
      show: () => show("slack"),
      act: async () => { panes.slack.goTo(slack.places()[0].id); await acts.clock(); },
    },
  ]);
  learnCommands();
}

start().catch((error) => place(at("slack"), h("p", { class: "trouble" }, `The sandbox does not answer: ${error.message}`)));
