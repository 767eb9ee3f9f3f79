/** What we use of pg and Knex beyond their published types. Everything that depends on their inside is named here. */
import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Client, FieldDef } from 'pg';

export interface WireMessages {
  readonly rowDescription: { readonly fields: readonly FieldDef[] };
  readonly dataRow: { readonly fields: readonly (string | null)[] };
  readonly commandComplete: { readonly text: string };
  readonly readyForQuery: { readonly status: 'I' | 'T' | 'E' };
}

/** The protocol half of a pg client. */
export interface RawConnection extends EventEmitter {
  stream: Socket;
}

/** A pg client as Knex keeps it in its pool. */
export type RawClient = Client & {
  readonly connection: RawConnection;
  readonly processID: number | null;
  query(submittable: object): unknown;
  getTypeParser(id: number, format: 'text'): unknown;
  /** Knex's pool drops a connection that carries this. */
  __knex__disposed?: unknown;
};
