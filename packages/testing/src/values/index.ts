/** Values to send through the engine: hand-made ones and arbitrary ones. Made when they are wanted: some are streams, and some are large. */
export async function loadValues(): Promise<typeof import('./corpus.js') & typeof import('./arbitrary.js')> {
  return { ...(await import('./corpus.js')), ...(await import('./arbitrary.js')) };
}
