import {startEmbedded} from '@apiary/embedded'; import pg from 'pg';
const s=await startEmbedded(); const c=new pg.Client(s.connectionString); await c.connect(); let last;
const t=setInterval(async()=>{ const r=(await c.query("select xact_commit,xact_rollback,deadlocks from pg_stat_database where datname='apiary_travel'")).rows[0]; if(r) last=r; },1000);
process.on('SIGTERM',async()=>{clearInterval(t); console.log(last); await c.end(); await s.stop(); process.exit()});
