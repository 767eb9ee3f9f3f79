// The texts that all sides of retwis use.

/** The ten newest posts of all whom the user follows: at most ten of each author are looked at. */
export const TIMELINE = `
  select p.author, p.id::int as id, p.body from retwis_follow f
  cross join lateral (select author, id, body from retwis_post where author = f.followee order by id desc limit 10) p
  where f.follower = $1 order by p.id desc limit 10`;
export const POST = 'insert into retwis_post (author, body) values ($1, $2)';
/** Following somebody twice is following once. */
export const FOLLOW = 'insert into retwis_follow (follower, followee) values ($1, $2) on conflict do nothing';
