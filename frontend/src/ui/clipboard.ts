/**
 * Copies a text and resolves with whether that worked. Browsers offer no clipboard API without a secure context; the
 * old command then copies a selection: that of `field`, which shows the text, or else one that takes no focus.
 */
export async function copyText(text: string, field?: HTMLTextAreaElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Absent or denied: the command may still be allowed.
  }
  if (field) {
    field.focus();
    field.select();
    return copySelection();
  }
  const holder = document.createElement("span");
  holder.textContent = text;
  holder.className = "fixed top-0 left-0 whitespace-pre opacity-0 select-text";
  document.body.append(holder);
  const selection = window.getSelection();
  selection?.selectAllChildren(holder);
  const copied = copySelection();
  selection?.removeAllRanges();
  holder.remove();
  return copied;
}

function copySelection(): boolean {
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  }
}
