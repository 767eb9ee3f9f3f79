/**
 * Writes the messages of a flight one behind the other into one buffer, so that a flight is one write to the socket. The buffer is a part of
 * a slab that is handed out once and never written again: the socket may still hold it when the next flight is encoded.
 */
import { wireValue } from './wire-value.js';

const slabBytes = 64 << 10;
/** Begin a flight in the rest of a slab only if at least this much is left. */
const least = 2 << 10;
/** Shorter texts are copied character by character, which is cheaper than a call into the runtime. */
const short = 24;
/** Longer texts are measured first instead of reserving three bytes a character. */
const long = 8 << 10;
/** The number of values is a 16 bit integer in the protocol. */
const mostValues = 65_535;

const execute = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0]);
const describePortal = Buffer.from([0x44, 0, 0, 0, 6, 0x50, 0]);
const copyDone = Buffer.from([0x63, 0, 0, 0, 4]);
const sync = Buffer.from([0x53, 0, 0, 0, 4]);

export class Encoder {
  #buffer = Buffer.allocUnsafeSlow(slabBytes);
  #start = 0;
  #at = 0;

  begin(): void {
    if (this.#buffer.length - this.#at < least) {
      this.#buffer = Buffer.allocUnsafeSlow(slabBytes);
      this.#at = 0;
    }
    this.#start = this.#at;
  }

  /** Forgets what was written since `begin`. */
  abandon(): void {
    this.#at = this.#start;
  }

  /** Adds the Sync and gives the bytes. */
  finish(): Buffer {
    this.#bytes(sync);
    return this.#buffer.subarray(this.#start, this.#at);
  }

  parse(name: string, text: string): void {
    if (text.includes('\0')) throw new TypeError('a statement cannot contain the character NUL');
    const length = this.#open(0x50);
    this.#cstring(name);
    this.#cstring(text);
    this.#int16(0);
    this.#close(length);
  }

  bind(portal: string, name: string, values: readonly unknown[]): void {
    const count = values.length;
    if (count > mostValues) throw new RangeError(`a statement has at most ${mostValues} values, this one has ${count}: send fewer rows at once, or arrays`);
    const length = this.#open(0x42);
    this.#cstring(portal);
    this.#cstring(name);
    this.#int16(count);
    // Relative to the start, since the buffer may be replaced on the way.
    let format = this.#at - this.#start;
    this.#ensure(count * 2 + 2);
    this.#at += count * 2;
    this.#int16(count);
    for (let i = 0; i < count; i++, format += 2) {
      const value = wireValue(values[i]);
      let binary = 0;
      if (value === null) this.#int32(-1);
      else if (typeof value === 'string') this.#sized(value);
      else {
        binary = 1;
        this.#int32(value.byteLength);
        this.#bytes(value);
      }
      this.#buffer[this.#start + format] = 0;
      this.#buffer[this.#start + format + 1] = binary;
    }
    this.#int16(0);
    this.#close(length);
  }

  /** Asks for the columns of the unnamed portal. */
  describe(): void {
    this.#bytes(describePortal);
  }

  /** Asks for the columns of a named portal. */
  describePortal(portal: string): void {
    const length = this.#open(0x44);
    this.#byte(0x50);
    this.#cstring(portal);
    this.#close(length);
  }

  execute(): void {
    this.#bytes(execute);
  }

  /** All that a COPY takes, behind its Execute. The server passes over it if the COPY was refused. */
  copy(rows: string): void {
    const length = this.#open(0x64);
    this.#text(rows);
    this.#close(length);
    this.#bytes(copyDone);
  }

  /** At most `rows` rows of a named portal. */
  executePortal(portal: string, rows: number): void {
    const length = this.#open(0x45);
    this.#cstring(portal);
    this.#int32(rows);
    this.#close(length);
  }

  /** Forgets a prepared statement; no error if there is none. */
  closeStatement(name: string): void {
    const length = this.#open(0x43);
    this.#byte(0x53);
    this.#cstring(name);
    this.#close(length);
  }

  /** Bytes as another encoder made them. */
  raw(bytes: Uint8Array): void {
    this.#bytes(bytes);
  }

  /** Starts a message; gives the place of its length, relative to the start of the flight. */
  #open(type: number): number {
    this.#ensure(5);
    this.#buffer[this.#at] = type;
    this.#at += 5;
    return this.#at - 4 - this.#start;
  }

  #close(length: number): void {
    const at = this.#start + length;
    this.#setInt32(at, this.#at - at);
  }

  #ensure(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const used = this.#at - this.#start;
    const larger = Buffer.allocUnsafeSlow(Math.max(slabBytes, (used + bytes) * 2));
    this.#buffer.copy(larger, 0, this.#start, this.#at);
    this.#buffer = larger;
    this.#start = 0;
    this.#at = used;
  }

  #byte(value: number): void {
    this.#ensure(1);
    this.#buffer[this.#at++] = value;
  }

  #int16(value: number): void {
    this.#ensure(2);
    this.#buffer[this.#at++] = value >>> 8;
    this.#buffer[this.#at++] = value;
  }

  #int32(value: number): void {
    this.#ensure(4);
    this.#setInt32(this.#at, value);
    this.#at += 4;
  }

  #setInt32(at: number, value: number): void {
    const buffer = this.#buffer;
    buffer[at] = value >>> 24;
    buffer[at + 1] = value >>> 16;
    buffer[at + 2] = value >>> 8;
    buffer[at + 3] = value;
  }

  #bytes(bytes: Uint8Array): void {
    const length = bytes.length;
    this.#ensure(length);
    if (length <= short) for (let i = 0; i < length; i++) this.#buffer[this.#at + i] = bytes[i] as number;
    else this.#buffer.set(bytes, this.#at);
    this.#at += length;
  }

  #cstring(text: string): void {
    this.#text(text);
    this.#byte(0);
  }

  /** A value: its length in bytes, then the bytes. */
  #sized(text: string): void {
    this.#ensure(4);
    const length = this.#at - this.#start;
    this.#at += 4;
    this.#text(text);
    const at = this.#start + length;
    this.#setInt32(at, this.#at - at - 4);
  }

  #text(text: string): void {
    const length = text.length;
    if (length > long) this.#ensure(Buffer.byteLength(text));
    else this.#ensure(length * 3);
    if (length > short || !this.#ascii(text)) this.#at += this.#buffer.write(text, this.#at);
  }

  #ascii(text: string): boolean {
    const buffer = this.#buffer;
    const at = this.#at;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return false;
      buffer[at + i] = code;
    }
    this.#at = at + text.length;
    return true;
  }
}
