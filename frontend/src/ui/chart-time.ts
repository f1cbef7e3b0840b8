const hourFormat = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const utcDayFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });

/** An hour in local time: "Fri 27 Nov, 14:00". */
export const hourText = (at: number) => hourFormat.format(at);

/** A UTC day: "27 Nov 2026". */
export const utcDayText = (at: number) => utcDayFormat.format(at);
