// For the tests of this package; not part of the public surface.
export { ensureLinks } from './binaries/links.js';
export { findBinaries } from './binaries/binaries.js';
export { locateNative } from './binaries/native.js';
export { identityFor } from './home/identity.js';
export { startPostmaster } from './supervisor/postmaster.js';
export { dial, takeSeat } from './control/seat.js';
