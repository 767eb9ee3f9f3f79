/**
 * - `connection`: our connection is gone; whether its last flight took effect is not known
 * - `serialization`: conflict or deadlock, rolled back by the server
 * - `unavailable`: the server or the pool has no room, or cannot work just now; nothing took effect
 * - `plan`: a prepared statement no longer fits, or is not there any more
 * - `timeout`: cancelled, or a lock not got in time; infrastructure only for statements of the engine
 * - `unique`: a key exists already
 * - `fenced`, `void`: raised by statements of the engine
 * - `user`: everything else
 */
export type ErrorKind = 'connection' | 'serialization' | 'unavailable' | 'unique' | 'timeout' | 'plan' | 'fenced' | 'void' | 'user';
