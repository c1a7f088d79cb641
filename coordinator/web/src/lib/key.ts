/** A key that makes repeating a request safe; where the page is not served securely there is no randomUUID. */
export function oneKey(): string {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
