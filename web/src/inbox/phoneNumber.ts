/**
 * The digits of a phone number as people write it, with its country code; null
 * if it is none: "+1 (555) 010-0123" gives "15550100123", and so does
 * "001 555 010 0123".
 */
export function phoneDigits(typed: string): string | null {
  if (!/^\+?[\d\s().\-/]+$/.test(typed.trim())) return null;
  const digits = typed.replace(/\D/g, "").replace(/^00/, "");
  return digits.length >= 7 && digits.length <= 15 ? digits : null;
}
