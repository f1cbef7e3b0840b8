/**
 * What a held key must not press again: the focus may have moved to it since, as to the first item of a menu or into a
 * question. In texts, keys repeat.
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
