/**
 * Computes the style properties that queries, clicks and accessible names need again and again. jsdom computes all
 * properties for each, which took more than half of the tests' time. No test loads style sheets, so these depend on the
 * element and on inline styles alone. All other properties come from jsdom.
 */
const jsdomStyle = window.getComputedStyle.bind(window);
const displays = new Map<string, string>();

/** `display` of an element without an inline style, as jsdom's own style sheet says. */
function displayOf(element: Element): string {
  if (element.hasAttribute("hidden")) return "none";
  const isOpen = element.hasAttribute("open");
  const kind = `${element.namespaceURI} ${element.tagName} ${isOpen}`;
  let display = displays.get(kind);
  if (display === undefined) {
    const example = document.createElementNS(element.namespaceURI, element.tagName.toLowerCase());
    if (isOpen) example.setAttribute("open", "");
    display = jsdomStyle(example).display;
    displays.set(kind, display);
  }
  return display;
}

function inline(element: Element, property: string): string {
  return element instanceof HTMLElement || element instanceof SVGElement
    ? element.style.getPropertyValue(property)
    : "";
}

/** A property that elements inherit. */
function inherited(element: Element, property: string, initial: string): string {
  for (let at: Element | null = element; at; at = at.parentElement) {
    const value = inline(at, property);
    if (value !== "" && value !== "inherit") return value;
  }
  return initial;
}

const quick: Record<string, (element: Element) => string> = {
  display: (element) => inline(element, "display") || displayOf(element),
  visibility: (element) => inherited(element, "visibility", "visible"),
  "pointer-events": (element) => inherited(element, "pointer-events", "auto"),
};

window.getComputedStyle = (element, pseudo) => {
  if (pseudo) return jsdomStyle(element, pseudo);
  return new Proxy({} as CSSStyleDeclaration, {
    get(_, name) {
      if (name === "getPropertyValue") {
        return (property: string) =>
          quick[property]?.(element) ?? jsdomStyle(element).getPropertyValue(property);
      }
      const known = name === "pointerEvents" ? "pointer-events" : String(name);
      if (quick[known]) return quick[known](element);
      const style = jsdomStyle(element);
      const value: unknown = Reflect.get(style, name);
      return typeof value === "function" ? value.bind(style) : value;
    },
  });
};
