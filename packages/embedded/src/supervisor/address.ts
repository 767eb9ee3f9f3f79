/** The server listens on loopback only. */
export const HOST = '127.0.0.1';
/** The superuser of the cluster. */
export const ROLE = 'apiary';
export const DATABASE = 'apiary';
