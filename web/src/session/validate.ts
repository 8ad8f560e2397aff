/** The shortest password the server takes, in characters. */
export const minPasswordLength = 10;

/** What is said beside the field of a new password. */
export const passwordHint = `At least ${minPasswordLength} characters. A few words in a row are easy to keep in mind.`;

/** What is wrong with an e-mail address as typed; null if it may be one. The server decides. */
export function emailProblem(email: string): string | null {
  const trimmed = email.trim();
  if (trimmed === "") return "Type your e-mail address.";
  return /^[^\s@]+@[^\s@]+$/.test(trimmed) ? null : "Type a whole e-mail address, like name@example.com.";
}

/** What is wrong with a new password; null if nothing is. */
export function passwordProblem(password: string): string | null {
  if (password === "") return `Choose a password of at least ${minPasswordLength} characters.`;
  const length = [...password].length;
  if (length >= minPasswordLength) return null;
  return `The password has ${length} of the ${minPasswordLength} characters it needs.`;
}
