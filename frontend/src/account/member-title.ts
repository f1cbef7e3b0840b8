/** How a sentence names a person: the name, else the email. */
export function memberTitle(member: { name: string | null; email: string }): string {
  return member.name ?? member.email;
}
