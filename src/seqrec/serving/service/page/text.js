/** How titles, moments and gaps are written. */

export const MINUTE = 60;
export const HOUR = 3600;
export const DAY = 86400;

const ARTICLE = /^(.*), (The|A|An|La|Le|Les|L'|Il|El|Los|Das|Der|Die)$/;
const YEAR = /^(.*?)\s*\((\d{4})\)$/;

/** "Empire Strikes Back, The (1980)" → "The Empire Strikes Back". */
export function readable(label) {
  const title = YEAR.exec(label)?.[1] ?? label;
  const found = ARTICLE.exec(title);
  return found ? `${found[2]}${found[2].endsWith("'") ? "" : " "}${found[1]}` : title;
}

/** "Toy Story (1995)" → 1995. */
export function yearOf(label) {
  const found = YEAR.exec(label);
  return found ? Number(found[2]) : null;
}

/** An item's year and genres in a line. */
export const about = ({ title, year, genres }) =>
  [year ?? yearOf(title), genres.join(", ")].filter(Boolean).join(" · ");

const UNITS = [
  [365 * DAY, "year"],
  [30 * DAY, "month"],
  [7 * DAY, "week"],
  [DAY, "day"],
  [HOUR, "hour"],
  [MINUTE, "minute"],
];

/** Seconds as the largest unit that fits: "3 weeks", "a month". */
export function span(seconds) {
  for (const [size, name] of UNITS) {
    const count = Math.round(seconds / size);
    if (seconds < size * 0.95) continue;
    return count > 1 ? `${count} ${name}s` : `${name === "hour" ? "an" : "a"} ${name}`;
  }
  return "a moment";
}

const DATE = new Intl.DateTimeFormat("en-GB", {
  weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
});

export const moment = (seconds) => DATE.format(new Date(seconds * 1000));

/** A log-probability's change as a factor: "2.3 ×" likelier, or "1.4 ×" less. */
export function factor(effect) {
  const size = Math.exp(Math.abs(effect));
  return size >= 100 ? "> 99" : size.toFixed(size < 10 ? 2 : 0);
}
