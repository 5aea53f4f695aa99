// Times for people, in the language of the page.

import { onLanguage, say } from '../words/words.js';

const DAY_MS = 24 * 60 * 60 * 1000;

let formats = inLanguage();
onLanguage(() => {
  formats = inLanguage();
});

export function timeOf(ms) {
  return formats.clock.format(ms);
}

export function exactTimeOf(ms) {
  return formats.exact.format(ms);
}

/** "Today", "Yesterday", or the full date: the heading of a day's messages. */
export function dayOf(ms, now) {
  const days = daysBetween(ms, now);
  if (days === 0) return say('today');
  if (days === 1) return say('yesterday');
  return formats.longDate.format(ms);
}

/** As short as can be: the time today, the weekday this week, else the date. */
export function briefly(ms, now) {
  const days = daysBetween(ms, now);
  if (days === 0) return timeOf(ms);
  return days < 7 ? formats.weekday.format(ms) : formats.shortDate.format(ms);
}

/** The end of a mute: the time today, else with its day; null for one without an end. */
export function untilOf(ms, now) {
  if (ms - now > 366 * DAY_MS) return null;
  return daysBetween(ms, now) === 0 ? timeOf(ms) : formats.dayAndTime.format(ms);
}

/** A key that is equal for times of the same day. */
export function dayKey(ms) {
  return midnight(ms);
}

function inLanguage() {
  // English readers keep the customs of their own country.
  const locale = say('locale') === 'en' ? undefined : say('locale');
  const own = navigator.language.startsWith('en') ? undefined : 'en';
  const format = (options) => new Intl.DateTimeFormat(locale ?? own, options);
  const time = { hour: '2-digit', minute: '2-digit' };
  return {
    clock: format(time),
    weekday: format({ weekday: 'long' }),
    shortDate: format({ day: 'numeric', month: 'short' }),
    dayAndTime: format({ day: 'numeric', month: 'short', ...time }),
    longDate: format({ dateStyle: 'full' }),
    exact: format({ dateStyle: 'medium', timeStyle: 'medium' }),
  };
}

function daysBetween(ms, now) {
  // Rounded, as a day with a change of the clock has 23 or 25 hours.
  return Math.round((midnight(now) - midnight(ms)) / DAY_MS);
}

function midnight(ms) {
  return new Date(ms).setHours(0, 0, 0, 0);
}
