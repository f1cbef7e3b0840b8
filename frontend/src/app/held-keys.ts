/**
 * Elements that a held key must not press: the focus may have moved to them since, as to the first item of a menu or into
 * a question. In text fields, keys repeat.
 */
const pressed: Record<string, string> = { Enter: ":not(textarea)", " ": "button, [role^=menu]" };

window.addEventListener(
  "keydown",
  (event) => {
    const selector = event.repeat && pressed[event.key];
    if (!selector || !(event.target as Element).matches(selector)) return;
    event.preventDefault();
    event.stopPropagation();
  },
  { capture: true },
);
