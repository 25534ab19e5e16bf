// Figures as people read them.

const count = new Intl.NumberFormat("en-GB");
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const when = new Intl.DateTimeFormat("en-GB", {
  weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
});
const shortDay = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

export const number = (value) => count.format(value);
export const tokens = (value) => compact.format(value);

// "12.345678900" → "$12.35"; less than a cent keeps two digits that say something.
export function dollars(text) {
  if (text === null || text === undefined) return "not known";
  const value = Number(text);
  if (value === 0) return "$0.00";
  if (Math.abs(value) >= 0.01) {
    return "$" + value.toLocaleString("en-GB", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  }
  return "$" + value.toPrecision(2).replace(/e-\d+$/, "").replace(/^0\.0*$/, "0.00");
}

export function cost(row) {
  const unknown = row.unknown_cost_requests;
  return dollars(row.cost_usd) + (unknown ? ` + ${number(unknown)} not known` : "");
}

export function seconds(value) {
  if (value === null || value === undefined) return "–";
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 60) return `${value.toFixed(value < 10 ? 1 : 0)} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
  return `${Math.floor(value / 3600)} h ${Math.round((value % 3600) / 60)} min`;
}

export function since(iso, nowIso) {
  return seconds(Math.max(0, (Date.parse(nowIso) - Date.parse(iso)) / 1000));
}

export const moment = (iso) => (iso ? when.format(new Date(iso)) : "never");
export const day = (iso) => shortDay.format(new Date(`${iso}T00:00:00Z`));
export const percent = (part) => `${Math.round(part * 100)} %`;
