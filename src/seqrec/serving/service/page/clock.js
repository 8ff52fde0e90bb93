/** The time of the question: a few usual ones, and any other. */

import { find, make } from "./dom.js";
import { change, now, questionTime, state } from "./state.js";
import { DAY, MINUTE, moment, span } from "./text.js";

const EVENING = 20;
const LONGEST = 730 * DAY;
const STEPS = 1000;

/** Seconds to the next evening: tonight's, or tomorrow's when it is late. */
function toEvening() {
  const evening = new Date(now() * 1000);
  evening.setHours(EVENING, 0, 0, 0);
  if (evening.getTime() / 1000 < now() + MINUTE) evening.setDate(evening.getDate() + 1);
  return Math.round(evening.getTime() / 1000) - now();
}

const isLate = () => new Date(now() * 1000).getHours() >= EVENING;

const PRESETS = [
  { key: "now", name: () => "Now", gap: () => 0 },
  { key: "evening", name: () => (isLate() ? "Tomorrow night" : "Tonight"), gap: toEvening },
  { key: "week", name: () => "In a week", gap: () => 7 * DAY },
  { key: "month", name: () => "In a month", gap: () => 30 * DAY },
  { key: "year", name: () => "In a year", gap: () => 365 * DAY },
  { key: "unknown", name: () => "Not known", gap: () => null },
];

/** The slider's places grow by a factor: minutes and months are both within reach. */
const toGap = (place) =>
  place === 0 ? 0 : Math.round(MINUTE * (LONGEST / MINUTE) ** ((place - 1) / (STEPS - 1)));

const toPlace = (gap) =>
  gap < MINUTE
    ? 0
    : Math.round(1 + ((STEPS - 1) * Math.log(gap / MINUTE)) / Math.log(LONGEST / MINUTE));

/** What the clock shows, in words. */
export function when() {
  if (state.gap === null) return "Time not known";
  if (state.gap === 0) return "Now";
  return state.gap === chosenEvening ? PRESETS[1].name() : `In ${span(state.gap)}`;
}

let chosenEvening = null;

export function makeClock() {
  const box = find("presets");
  const slider = find("gap");
  for (const { key, gap } of PRESETS) {
    const input = make("input", { type: "radio", name: "when", value: key, id: `when-${key}` });
    input.addEventListener("change", () => {
      const seconds = gap();
      chosenEvening = key === "evening" ? seconds : null;
      change({ gap: seconds });
    });
    box.append(input, make("label", { for: input.id }));
  }
  slider.addEventListener("input", () => {
    chosenEvening = null;
    change({ gap: toGap(Number(slider.value)) });
  });
}

function isChosen({ key, gap }) {
  if (key === "evening") return state.gap !== null && state.gap === chosenEvening;
  return chosenEvening === null && state.gap === gap();
}

export function drawClock() {
  for (const preset of PRESETS) {
    const input = find(`when-${preset.key}`);
    input.checked = isChosen(preset);
    input.nextElementSibling.textContent = preset.name();
  }
  const slider = find("gap");
  const place = toPlace(state.gap ?? 0);
  if (toGap(Number(slider.value)) !== state.gap) slider.value = place;
  slider.style.setProperty("--done", `${(100 * place) / STEPS}%`);
  slider.setAttribute("aria-valuetext", when());
  const at = questionTime();
  find("moment").replaceChildren(
    make("strong", {}, when()),
    at === null ? " The models are not told the time." : ` ${moment(at)}`,
  );
}

