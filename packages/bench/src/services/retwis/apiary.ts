import { type Apiary, sql, Transaction } from '@apiary/core';
import type { Operation } from '../../engine/engine.js';
import { type Retwis, retwisLoad } from './load.js';

export interface Post {
  readonly author: number;
  readonly id: number;
  readonly body: string;
}

/** Retwis on Apiary: each request is one transaction. */
export class RetwisService implements Retwis {
  @Transaction({ readOnly: true })
  async timeline(user: number): Promise<Post[]> {
    return await sql<Post>`
      select p.author, p.id::int as id, p.body from retwis_follow f
      cross join lateral (select author, id, body from retwis_post where author = f.followee order by id desc limit 10) p
      where f.follower = ${user} order by p.id desc limit 10`;
  }

  @Transaction()
  async post(user: number, body: string): Promise<number> {
    return await sql`insert into retwis_post (author, body) values (${user}, ${body})`.count();
  }

  @Transaction()
  async follow(user: number, other: number): Promise<number> {
    return await sql`insert into retwis_follow (follower, followee) values (${user}, ${other}) on conflict do nothing`.count();
  }
}

export const apiaryRetwis = (app: Apiary): Operation => retwisLoad(app.get(RetwisService));
