/**
 * Databases of the tests of one process: a template for each set of migrations, and copies of it. Every name carries the owner's mark,
 * and the owner holds an advisory lock: what a killed process left is dropped by the next one that finds the lock free.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Config } from '@apiary/core';
import { prepareDatabase } from '@apiary/core/internal';
import { testServer, withDatabase } from '../engine/database.js';
import { Admin } from './admin.js';
import { dropAll, lockOf, prefix, sweep } from './leftovers.js';
import { migrationsKey } from './migrations-key.js';

export interface OwnDatabase {
  readonly connectionString: string;
  drop(): Promise<void>;
}

/** Then what is left is dropped by a process of its own. */
const longestEndMs = 5000;

class Databases {
  readonly #owner = randomBytes(8).toString('hex');
  readonly #base: string;
  readonly #admin: Admin;
  /** The server may take seconds for a drop, since all its backends have to take part: no test waits for one. */
  #dropper: Admin | undefined;
  readonly #templates = new Map<string, Promise<string>>();
  #count = 0;
  #ended = false;

  private constructor(base: string) {
    this.#base = base;
    this.#admin = new Admin(base);
  }

  static async open(base: string): Promise<Databases> {
    const databases = new Databases(base);
    const admin = databases.#admin;
    await admin.use(async (client) => {
      await client.query(`select pg_advisory_lock(${lockOf(databases.#owner)})`);
      await sweep(client);
    });
    process.once('beforeExit', () => void databases.#end());
    process.once('exit', () => databases.#endLater());
    return databases;
  }

  /** A database with all tables, empty as the migrations left it. */
  async create(config: Config): Promise<OwnDatabase> {
    const template = await this.#template(config);
    const name = this.#newName();
    await this.#admin.send(`create database ${name} template ${template}`);
    return { connectionString: withDatabase(this.#base, name), drop: async () => this.#drop(name) };
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
    await this.#admin.send(`create database ${name}`);
    try {
      await prepareDatabase(withDatabase(this.#base, name), config);
      return name;
    } catch (error) {
      this.#drop(name);
      throw error;
    }
  }

  #drop(name: string): void {
    if (this.#ended) return;
    this.#dropper ??= new Admin(this.#base);
    this.#dropper.send(`drop database if exists ${name} with (force)`, { keepsAlive: false }).catch(() => {});
  }

  async #end(): Promise<void> {
    if (this.#ended) return;
    const dropped = this.#admin
      .use((client) => dropAll(client, this.#owner))
      .then(
        () => true,
        () => false,
      );
    this.#ended = await Promise.race([dropped, new Promise<boolean>((resolve) => setTimeout(() => resolve(false), longestEndMs).unref())]);
    this.#admin.close();
    this.#dropper?.close();
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
  if (databases === undefined) {
    databases = testServer().then((base) => Databases.open(base));
    databases.catch(() => (databases = undefined));
  }
  return (await databases).create(config);
}
