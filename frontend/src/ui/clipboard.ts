/**
 * Puts the value of a text field on the clipboard and resolves with whether that truly happened. Without a
 * secure context browsers offer no clipboard API; then the old command copies what is selected. It is used on
 * the field itself: an element outside the dialog would lose the focus to its focus trap.
 */
export async function copyFrom(field: HTMLTextAreaElement | HTMLInputElement): Promise<boolean> {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(field.value);
      return true;
    } catch {
      // Denied by a permission or policy; the command below may still be allowed.
    }
  }
  field.focus();
  field.select();
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  }
}

/**
 * Puts a text on the clipboard that stands in no field, such as one behind a menu item, and resolves with whether
 * that truly happened. What the old command copies is selected without taking the focus, so no focus trap minds.
 */
export async function copyText(text: string): Promise<boolean> {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // As above.
    }
  }
  const holder = document.createElement("span");
  holder.textContent = text;
  holder.className = "fixed top-0 left-0 whitespace-pre opacity-0 select-text";
  document.body.append(holder);
  const selection = window.getSelection();
  selection?.selectAllChildren(holder);
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    selection?.removeAllRanges();
    holder.remove();
  }
}
