// Times for people, in the language of their browser.

const DAY_MS = 24 * 60 * 60 * 1000;

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'long' });
const shortDate = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const longDate = new Intl.DateTimeFormat(undefined, { dateStyle: 'full' });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

export function timeOf(ms) {
  return clock.format(ms);
}

export function exactTimeOf(ms) {
  return exact.format(ms);
}

/** "Today", "Yesterday", or the full date: the heading of a day's messages. */
export function dayOf(ms, now) {
  const days = daysBetween(ms, now);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  return longDate.format(ms);
}

/** As short as can be: the time today, the weekday this week, else the date. */
export function briefly(ms, now) {
  const days = daysBetween(ms, now);
  if (days === 0) return timeOf(ms);
  return days < 7 ? weekday.format(ms) : shortDate.format(ms);
}

/** A key that is equal for times of the same day. */
export function dayKey(ms) {
  return midnight(ms);
}

function daysBetween(ms, now) {
  // Rounded, as a day with a change of the clock has 23 or 25 hours.
  return Math.round((midnight(now) - midnight(ms)) / DAY_MS);
}

function midnight(ms) {
  return new Date(ms).setHours(0, 0, 0, 0);
}
