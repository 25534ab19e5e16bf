// A button that is made anew before the finger is lifted from it was not clicked: drawing waits for that.

const CLICK_MS = 50; // after the finger is lifted
const LONGEST_MS = 2000; // nobody may tell that it was

const owed = new Set();
let pressed; // the timer that ends a press

function over() {
  pressed = undefined;
  for (const draw of owed) queueMicrotask(draw); // one that fails takes no other along
  owed.clear();
}

function endsIn(ms) {
  clearTimeout(pressed);
  pressed = setTimeout(over, ms);
}

addEventListener("pointerdown", () => endsIn(LONGEST_MS), true);
addEventListener("pointerup", () => endsIn(CLICK_MS), true);
addEventListener("pointercancel", () => endsIn(0), true);

// `draw`, put off until nobody presses anything.
export function betweenPresses(draw) {
  return () => { if (pressed === undefined) draw(); else owed.add(draw); };
}
