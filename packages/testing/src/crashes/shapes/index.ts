/** The modules of all shapes, by name. */
const shape = (file: string): URL => new URL(`./${file}.js`, import.meta.url);

export const shapes: ReadonlyMap<string, URL> = new Map([
  ['transfer', shape('transfer')],
  ['booking', shape('booking')],
  ['family', shape('family')],
  ['parallel', shape('parallel')],
  ['outbox', shape('outbox')],
  ['pause', shape('pause')],
  ['park', shape('park')],
  ['compensation', shape('compensation')],
  ['failure', shape('failure')],
  ['direct', shape('direct')],
  ['linger', shape('linger')],
  ['client', shape('client')],
  ['first launch', shape('first-launch')],
]);
