/**
 * Databases of the tests of one process: a template for each set of migrations, and copies of it. Every name carries the owner's mark,
 * and the owner holds an advisory lock: what a killed process left is dropped by the next one that finds the lock free.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Config } from '@apiary/core';
import { prepareDatabase } from '@apiary/core/internal';
import pg from 'pg';
import { testServer, withDatabase } from '../engine/database.js';
import { dropAll, lockOf, prefix, sweep } from './leftovers.js';
import { migrationsKey } from './migrations-key.js';

export interface OwnDatabase {
  readonly connectionString: string;
  drop(): Promise<void>;
}

interface WithStream {
  readonly connection: { readonly stream: { ref(): void; unref(): void } };
}

class Databases {
  readonly #owner = randomBytes(8).toString('hex');
  readonly #base: string;
  readonly #admin: pg.Client;
  readonly #templates = new Map<string, Promise<string>>();
  /** One statement at a time. */
  #last: Promise<unknown> = Promise.resolve();
  #count = 0;
  #waiting = 0;
  #ended = false;

  private constructor(base: string) {
    this.#base = base;
    this.#admin = new pg.Client({ connectionString: base });
    this.#admin.on('error', () => {});
  }

  static async open(base: string): Promise<Databases> {
    const databases = new Databases(base);
    const admin = databases.#admin;
    await admin.connect();
    await admin.query(`select pg_advisory_lock(${lockOf(databases.#owner)})`);
    await sweep(admin);
    databases.#idle();
    process.once('beforeExit', () => void databases.#end());
    process.once('exit', () => databases.#endLater());
    return databases;
  }

  /** A database with all tables, empty as the migrations left it. */
  async create(config: Config): Promise<OwnDatabase> {
    const template = await this.#template(config);
    const name = this.#newName();
    await this.#send(`create database ${name} template ${template}`);
    return { connectionString: withDatabase(this.#base, name), drop: () => this.#drop(name) };
  }

  #newName(): string {
    return `${prefix}${this.#owner}_${this.#count++}`;
  }

  #template(config: Config): Promise<string> {
    const key = migrationsKey(config);
    let template = this.#templates.get(key);
    if (template === undefined) {
      template = this.#fill(config);
      this.#templates.set(key, template);
      template.catch(() => this.#templates.delete(key));
    }
    return template;
  }

  async #fill(config: Config): Promise<string> {
    const name = this.#newName();
    await this.#send(`create database ${name}`);
    try {
      await prepareDatabase(withDatabase(this.#base, name), config);
      return name;
    } catch (error) {
      await this.#drop(name);
      throw error;
    }
  }

  async #drop(name: string): Promise<void> {
    if (!this.#ended) await this.#send(`drop database if exists ${name} with (force)`);
  }

  /** The process may end though the connection is open, but not while somebody waits for an answer. */
  #idle(): void {
    (this.#admin as unknown as WithStream).connection.stream.unref();
  }

  #send(statement: string): Promise<unknown> {
    (this.#admin as unknown as WithStream).connection.stream.ref();
    this.#waiting++;
    const sent = this.#last.then(() => this.#admin.query(statement)).finally(() => {
      if (--this.#waiting === 0) this.#idle();
    });
    this.#last = sent.catch(() => {});
    return sent;
  }

  async #end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    (this.#admin as unknown as WithStream).connection.stream.ref();
    await dropAll(this.#admin, this.#owner).catch(() => {});
    await this.#admin.end().catch(() => {});
  }

  /** The process ends at once: another one drops what is left. */
  #endLater(): void {
    if (this.#ended) return;
    this.#ended = true;
    const script = fileURLToPath(new URL('./drop-leftovers.js', import.meta.url));
    spawn(process.execPath, [script, this.#owner], { detached: true, stdio: 'ignore', env: { ...process.env, APIARY_KIT_SERVER: this.#base } }).unref();
  }
}

let databases: Promise<Databases> | undefined;

/** A new database on the server of DATABASE_URL, else on an embedded one, with the tables that `config.migrations` makes. */
export async function createOwnDatabase(config: Config): Promise<OwnDatabase> {
  databases ??= testServer().then((base) => Databases.open(base));
  return (await databases).create(config);
}
