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
