/**
 * The library that writes certificates. Imported when one is made, for most commands make none, and after
 * `reflect-metadata`, without which it fails at import.
 */
export async function x509Library() {
  await import('reflect-metadata')
  return import('@peculiar/x509')
}
